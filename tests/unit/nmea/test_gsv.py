"""GSV by examples, in the forms that receivers send."""

from __future__ import annotations

import pytest

from services.nmea.gsv import GSV, parse


def of(body: str) -> GSV:
    return parse(body[:2], body.encode())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "GPGSV,3,1,11,01,06,014,08,12,43,207,28,14,06,049,,15,44,171,23,1",
            GSV("GP", 3, 1, 11, "gps", "1", (1, 12, 14, 15)),
        ),
        (
            "BDGSV,2,2,07,05,27,090,,13,19,016,,11,07,147,",
            GSV("BD", 2, 2, 7, "beidou", None, (5, 13, 11)),
        ),
        ("GBGSV,3,3,09,02,32,224,39,B", GSV("GB", 3, 3, 9, "beidou", "B", (2,))),
        ("GAGSV,1,1,00,7", GSV("GA", 1, 1, 0, "galileo", "7", ())),
        ("GPGSV,1,1,00", GSV("GP", 1, 1, 0, "gps", None, ())),
        ("GPGSV,1,1,,,,,", GSV("GP", 1, 1, None, "gps", None, ())),
        # The last satellite without its empty field.
        ("GPGSV,1,1,02,05,27,090,30,13,19,016", GSV("GP", 1, 1, 2, "gps", None, (5, 13))),
        # Quectel's EC25 and EG25: signal id, then system id.
        ("PQGSV,4,4,14,23,09,350,,24,04,248,,0,4", GSV("PQ", 4, 4, 14, "beidou", "0", (23, 24))),
        ("PQGSV,1,1,02,02,09,350,,03,04,248,,1,5", GSV("PQ", 1, 1, 2, "qzss", "1", (2, 3))),
        ("PQGSV,3,1,12,02,11,112,,05,28,135,,0", GSV("PQ", 3, 1, 12, "beidou", "0", (2, 5))),
        ("GNGSV,1,1,02,66,27,090,30,80,19,016,", GSV("GN", 1, 1, 2, "glonass", None, (66, 80))),
        ("GNGSV,1,1,02,66,27,090,30,08,19,016,", GSV("GN", 1, 1, 2, "gnss", None, (66, 8))),
        ("GNGSV,1,1,01,401,27,090,30", GSV("GN", 1, 1, 1, "beidou", None, (401,))),
        ("GPGSV,1,1,02,33,27,090,30,08,19,016,", GSV("GP", 1, 1, 2, "gps", None, (33, 8))),
    ],
)
def test_examples(body: str, expected: GSV) -> None:
    assert of(body) == expected


@pytest.mark.parametrize(
    "body",
    ["GPGSV,,1,00", "GPGSV,1,,00", "GPGSV,1,1", "GPGSV,1,1,01,5x,1,1,1", "GPGSV,1,1,00,?", "GPGSV"],
)
def test_a_field_that_cannot_be_is_an_error(body: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        of(body)
