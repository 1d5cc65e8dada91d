"""ZDA by examples."""

from __future__ import annotations

import pytest

from services.nmea.zda import ZDA, parse


def of(body: str) -> ZDA:
    return parse(body[:2], body.encode())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("GNZDA,103607.00,06,03,2021,00,00", ZDA("GN", 38_167_000_000, 18692)),
        ("BDZDA,103607.00,6,3,2021,-08,00", ZDA("BD", 38_167_000_000, 18692)),
        ("GPZDA,103607,06,03,21,-02,00", ZDA("GP", 38_167_000_000, 18692)),
        ("GPZDA,103607,06,03,2021", ZDA("GP", 38_167_000_000, 18692)),
        ("GPZDA,,,,,,", ZDA("GP", None, None)),
        ("GPZDA,103607.00,,,,00,00", ZDA("GP", 38_167_000_000, None)),
    ],
)
def test_examples(body: str, expected: ZDA) -> None:
    assert of(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        "GPZDA,103607.00,31,02,2021,00,00",
        "GPZDA,103607.00,06,03,021,00,00",
        "GPZDA,103607.00,06,03,0000,00,00",
        "GPZDA,103607.00,01,01,1970,00,00",
        "GPZDA,103607.00,06,-3,2021,00,00",
        "GPZDA,103607.00",
        # The satellite messaging modules' form, with a mode before the time.
        "BDZDA,3,000329.00,01,01,2006,-08,00,00,00,00,N",
    ],
)
def test_a_field_that_cannot_be_is_an_error(body: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        of(body)
