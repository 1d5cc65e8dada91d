"""GSA by examples, and which constellation it speaks of."""

from __future__ import annotations

import pytest

from services.nmea.gsa import GSA, parse


def of(body: str) -> GSA:
    return parse(body[:2], body.encode())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "GNGSA,A,3,23,24,20,12,,,,,,,,,9.62,5.88,7.62,1",
            GSA("GN", 3, (23, 24, 20, 12), 9.62, 5.88, 7.62, "gps"),
        ),
        (
            "BDGSA,A,3,07,10,26,29,35,36,38,45,,,,,3.2,2.1,2.4,4",
            GSA("BD", 3, (7, 10, 26, 29, 35, 36, 38, 45), 3.2, 2.1, 2.4, "beidou"),
        ),
        ("GPGSA,A,1,,,,,,,,,,,,,,,", GSA("GP", 1, (), None, None, None, "gps")),
        ("GNGSA,A,1,,,,,,,,,,,,,,,", GSA("GN", 1, (), None, None, None, None)),
        # SiRF's own number where the system id stands.
        (
            "BDGSA,A,2,01,02,,,,,,,,,,,9.1,8.2,4.1,0.9",
            GSA("BD", 2, (1, 2), 9.1, 8.2, 4.1, "beidou"),
        ),
    ],
)
def test_examples(body: str, expected: GSA) -> None:
    assert of(body) == expected


@pytest.mark.parametrize(
    ("talker", "satellites", "system", "expected"),
    [
        ("GN", "5,7", ",2", "glonass"),
        ("GN", "5,7", ",3", "galileo"),
        ("GN", "5,7", ",4", "beidou"),
        ("GN", "5,7", ",5", "qzss"),
        ("GN", "5,7", ",6", "navic"),
        ("GN", "65,70", "", "glonass"),
        ("GN", "5,33", "", "gps"),
        ("GN", "201,210", "", "beidou"),
        ("GN", "401,437", "", "beidou"),
        ("GN", "301,320", "", "galileo"),
        ("GN", "5,70", "", None),
        ("GN", "193,199", "", "qzss"),
        ("GP", "65,70", "", "glonass"),
        ("GB", "5,7", "", "beidou"),
        ("GL", "5,7", "", "glonass"),
        ("GA", "5,7", "", "galileo"),
        ("GQ", "1,2", "", "qzss"),
        ("PQ", "12,13", ",4", "beidou"),
        ("PQ", "2,3", ",5", "qzss"),
        ("PQ", "10,11", ",5", "beidou"),
        ("XX", "", "", None),
    ],
)
def test_the_constellation_is_told_by_system_id_then_talker_then_satellites(
    talker: str, satellites: str, system: str, expected: str | None
) -> None:
    ids = [*satellites.split(","), *[""] * 12][:12]
    assert of(f"{talker}GSA,A,3,{','.join(ids)},1.0,1.0,1.0{system}").system == expected


@pytest.mark.parametrize(
    "body",
    [
        "GNGSA,A,4,,,,,,,,,,,,,,,",
        "GNGSA,X,3,,,,,,,,,,,,,,,",
        "GNGSA,A,3,1.5,,,,,,,,,,,,,,",
        "GNGSA,A,3,,,,,,,,,,,,,-1,,",
        "GNGSA,A,3,1,2,3",
    ],
)
def test_a_field_that_cannot_be_is_an_error(body: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        of(body)
