"""RMC by examples."""

from __future__ import annotations

import pytest

from services.nmea.rmc import RMC, parse

LAT, LON = 53 + 27.03942 / 60, -(2 + 14.42462 / 60)
DAYS = 18692
"""2021-03-06."""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "GNRMC,103607.00,A,5327.03942,N,00214.42462,W,0.046,77.5,060321,,,A,V",
            RMC("GN", 38_167_000_000, True, LAT, LON, 0.046 * 1.852, 77.5, DAYS, "A"),
        ),
        # NMEA 2.0: no mode.
        (
            "GPRMC,103607,A,5327.03942,N,00214.42462,W,10.0,0.0,060321,8.9,E",
            RMC("GP", 38_167_000_000, True, LAT, LON, 18.52, 0.0, DAYS, None),
        ),
        # Before that: no variation.
        (
            "GPRMC,103607,A,5327.03942,N,00214.42462,W,,,060321",
            RMC("GP", 38_167_000_000, True, LAT, LON, None, None, DAYS, None),
        ),
        (
            "BDRMC,,V,,,,,,,,,,N,V",
            RMC("BD", None, False, None, None, None, None, None, "N"),
        ),
        (
            "GBRMC,103607.00,V,,,,,,,060321,,,N",
            RMC("GB", 38_167_000_000, False, None, None, None, None, DAYS, "N"),
        ),
    ],
)
def test_examples(body: str, expected: RMC) -> None:
    got = parse(expected.talker, body.encode())
    assert got == expected._replace(lat=got.lat, lon=got.lon, speed_kmh=got.speed_kmh)
    assert got[3:6] == tuple(None if v is None else pytest.approx(v) for v in expected[3:6])


@pytest.mark.parametrize(
    "body",
    [
        "GNRMC,103607.00,A,5327.03942,N,00214.42462,W,0.046,77.5",
        "GNRMC,103607.00,X,5327.03942,N,00214.42462,W,0.046,77.5,060321,,,A,V",
        "GNRMC,103607.00,A,5327.03942,N,00214.42462,W,X.138,77.5,060321,,,A,V",
        "GNRMC,103607.00,A,5327.03942,N,00214.42462,W,-0.1,77.5,060321,,,A,V",
        "GNRMC,103607.00,A,5327.03942,N,00214.42462,W,0.046,360.5,060321,,,A,V",
        "GNRMC,103607.00,A,5327.03942,N,00214.42462,W,0.046,77.5,2208-1,,,A,V",
        "GNRMC,103607.00,A,5327.03942,N,00214.42462,W,0.046,77.5,060321,,,1,V",
        "GNRMC,103607.00,A,5327.03942,,00214.42462,W,0.046,77.5,060321,,,A,V",
        "GNRMC,253607.00,A,5327.03942,N,00214.42462,W,0.046,77.5,060321,,,A,V",
        "GNRMC" + "," * 20,
    ],
)
def test_a_field_that_cannot_be_is_an_error(body: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse("GN", body.encode())
