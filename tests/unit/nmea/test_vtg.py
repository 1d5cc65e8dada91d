"""VTG by examples, in both forms."""

from __future__ import annotations

import pytest

from services.nmea.vtg import VTG, parse


def of(body: str) -> VTG:
    return parse(body[:2], body.encode())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("GNVTG,77.5,T,70.1,M,10.0,N,18.5,K,A", VTG("GN", 77.5, 18.5, "A")),
        ("GPVTG,77.5,T,,M,10.0,N,18.5,K", VTG("GP", 77.5, 18.5, None)),
        ("GPVTG,,T,,M,10.0,N,,K,D", VTG("GP", None, 18.52, "D")),
        ("BDVTG,,,,,,,,,N", VTG("BD", None, None, "N")),
        ("GPVTG,77.5,70.1,10.0,18.5", VTG("GP", 77.5, 18.5, None)),
        ("GPVTG,77.5,,10.0,", VTG("GP", 77.5, 18.52, None)),
    ],
)
def test_examples(body: str, expected: VTG) -> None:
    assert of(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        "GPVTG,77.5,M,70.1,M,10.0,N,18.5,K,A",
        "GPVTG,77.5,T,70.1,M,10.0,N,18.5,N,A",
        "GPVTG,77.5,T,70.1,M,-1,N,-2,K,A",
        "GPVTG,400,T,70.1,M,10.0,N,18.5,K,A",
        "GPVTG,77.5,T,70.1",
        "GPVTG",
    ],
)
def test_a_field_that_cannot_be_is_an_error(body: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        of(body)
