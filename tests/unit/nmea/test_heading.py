"""HDT and THS by examples."""

from __future__ import annotations

import pytest

from services.nmea.heading import HDT, THS, parse_hdt, parse_ths


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("GNHDT,123.4,T", HDT("GN", 123.4)),
        ("HEHDT,360.0,T", HDT("HE", 360.0)),
        ("GPHDT,,T", HDT("GP", None)),
        ("GPHDT,,", HDT("GP", None)),
        ("GPHDT,12.5", HDT("GP", 12.5)),
    ],
)
def test_hdt(body: str, expected: HDT) -> None:
    assert parse_hdt(body[:2], body.encode()) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("GNTHS,88.364,A", THS("GN", 88.364, "A")),
        ("GNTHS,88.364,E", THS("GN", 88.364, "E")),
        # Not valid: whatever was sent is no heading.
        ("GNTHS,88.364,V", THS("GN", None, "V")),
        ("GNTHS,,V", THS("GN", None, "V")),
    ],
)
def test_ths(body: str, expected: THS) -> None:
    assert parse_ths(body[:2], body.encode()) == expected


@pytest.mark.parametrize(
    "body", ["GNHDT,123.4,M", "GNHDT,360.1,T", "GNHDT,-1,T", "GNHDT", "GNHDT,1,T,"]
)
def test_what_is_no_hdt_is_an_error(body: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_hdt("GN", body.encode())


@pytest.mark.parametrize("body", ["GNTHS,88.364", "GNTHS,400,A", "GNTHS,88.364,a", "GNTHS,x,V"])
def test_what_is_no_ths_is_an_error(body: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_ths("GN", body.encode())
