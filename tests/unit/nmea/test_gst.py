"""GST by examples."""

from __future__ import annotations

import pytest

from services.nmea.gst import GST, parse


def of(body: str) -> GST:
    return parse(body[:2], body.encode())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("GPGST,131519.00,11,,,,0.70,0.49,1.1", GST("GP", 47_719_000_000, 0.7, 0.49, 1.1)),
        ("GNGST,131519.00,11,1,2,127.6,0.70,0.49,1.1", GST("GN", 47_719_000_000, 0.7, 0.49, 1.1)),
        ("GNGST,,,,,,,,", GST("GN", None, None, None, None)),
    ],
)
def test_examples(body: str, expected: GST) -> None:
    assert of(body) == expected


@pytest.mark.parametrize("body", ["GPGST,131519.00,11,,,,-0.70,0.49,1.1", "GPGST,131519.00"])
def test_a_field_that_cannot_be_is_an_error(body: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        of(body)
