"""GNS by examples."""

from __future__ import annotations

import pytest

from services.nmea.gns import GNS, parse


def of(body: str) -> GNS:
    return parse(body[:2], body.encode())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "GNGNS,103607.00,2930.0,N,10645.0,E,AANN,06,5.88,56.0,48.5,,,V",
            GNS("GN", 38_167_000_000, 29.5, 106.75, "AANN", 6, 5.88, 56.0, 48.5, None),
        ),
        (
            "GNGNS,074150.799,,,,,NNNN,00,,,0.0,,0000",
            GNS("GN", 27_710_799_000, None, None, "NNNN", 0, None, None, 0.0, None),
        ),
        (
            "BDGNS,103607,2930.0,N,10645.0,E,RRN,20,0.5,-3.5,8.4,1.0,0001",
            GNS("BD", 38_167_000_000, 29.5, 106.75, "RRN", 20, 0.5, -3.5, 8.4, 1.0),
        ),
        (
            "GNGNS,,,,,,,,,,",
            GNS("GN", None, None, None, "", None, None, None, None, None),
        ),
    ],
)
def test_examples(body: str, expected: GNS) -> None:
    assert of(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        "GNGNS,103607.00,2930.0,N,10645.0,E,A1,06,5.88,56.0,48.5,,,V",
        "GNGNS,103607.00,2930.0,N,10645.0,E,aann,06,5.88,56.0,48.5,,,V",
        "GNGNS,103607.00,2930.0,N,10645.0,E,AANN,6.0,5.88,56.0,48.5,,,V",
        "GNGNS,103607.00,2930.0,N,10645.0,E,AANN",
    ],
)
def test_a_field_that_cannot_be_is_an_error(body: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        of(body)
