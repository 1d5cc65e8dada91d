"""GGA by examples."""

from __future__ import annotations

import pytest

from services.nmea.gga import GGA, parse

EXAMPLE = "GNGGA,103607.00,2930.00000,N,10645.0,E,1,06,5.88,-56.0,M,48.5,M,,"


def of(body: str) -> GGA:
    return parse(body[:2], body.encode())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            EXAMPLE,
            GGA("GN", 38_167_000_000, 29.5, 106.75, 1, 6, 5.88, -56.0, 48.5, None),
        ),
        (
            "GPGGA,103607.00,2930.0,S,10645.0,W,2,12,0.7,56.0,M,48.5,M,1.2,0120",
            GGA("GP", 38_167_000_000, -29.5, -106.75, 2, 12, 0.7, 56.0, 48.5, 1.2),
        ),
        (
            "GNGGA,074150.799,,,,,0,00,,,M,0.0,M,,0000,",
            GGA("GN", 27_710_799_000, None, None, 0, 0, None, None, 0.0, None),
        ),
        (
            "GNGGA,,,,,,0,00,99.99,,,,,,",
            GGA("GN", None, None, None, 0, 0, 99.99, None, None, None),
        ),
        # No quality is no fix; a short sentence lacks only what comes last.
        (
            "GPGGA,103607.00,2930.0,N,10645.0,E,,11,0.8,86.0",
            GGA("GP", 38_167_000_000, 29.5, 106.75, 0, 11, 0.8, 86.0, None, None),
        ),
    ],
)
def test_examples(body: str, expected: GGA) -> None:
    assert of(body) == expected


@pytest.mark.parametrize(("sent", "quality"), [*((str(n), n) for n in range(9)), ("9", 2)])
def test_qualities_are_those_of_the_standard_and_sbas_is_differential(
    sent: str, quality: int
) -> None:
    assert of(EXAMPLE.replace("E,1,", f"E,{sent},")).quality == quality


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("E,1,", "E,10,"),
        ("E,1,", "E,-1,"),
        ("06", "6.5"),
        ("5.88", "-1"),
        ("-56.0,M", "-56.0,F"),
        ("48.5,M", "48.5,K"),
        ("-56.0", "high"),
        ("-56.0", "nan"),
        ("2930.00000", "9100.0"),
        ("103607.00", "1036"),
        (",M,,", ",M,-1,"),
        (",M,,", ",M,,,,,"),
    ],
)
def test_a_field_that_cannot_be_is_an_error(right: str, wrong: str) -> None:
    assert right in EXAMPLE
    with pytest.raises(ValueError, match=r".+"):
        of(EXAMPLE.replace(right, wrong, 1))


def test_a_sentence_that_ends_before_the_altitude_is_an_error() -> None:
    with pytest.raises(ValueError, match="fields"):
        of(EXAMPLE[: EXAMPLE.index(",-56.0")])
