"""GLL by examples."""

from __future__ import annotations

import pytest

from services.nmea.gll import GLL, parse


def of(body: str) -> GLL:
    return parse(body[:2], body.encode())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "GNGLL,2930.0,N,10645.0,E,103607.00,A,D",
            GLL("GN", 29.5, 106.75, 38_167_000_000, True, "D"),
        ),
        (
            "GPGLL,2930.0,S,10645.0,W,103607,A",
            GLL("GP", -29.5, -106.75, 38_167_000_000, True, None),
        ),
        ("BDGLL,,,,,103607.00,V,N", GLL("BD", None, None, 38_167_000_000, False, "N")),
        # The oldest form says by being sent that the position is good.
        ("GPGLL,2930.0,N,10645.0,E", GLL("GP", 29.5, 106.75, None, True, None)),
        ("GPGLL,,,,", GLL("GP", None, None, None, False, None)),
    ],
)
def test_examples(body: str, expected: GLL) -> None:
    assert of(body) == expected


@pytest.mark.parametrize(
    "body", ["GPGLL,2930.0,N", "GPGLL,2930.0,N,10645.0,E,1036,A", "GPGLL,2930.0,N,10645.0,E,,B"]
)
def test_a_field_that_cannot_be_is_an_error(body: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        of(body)
