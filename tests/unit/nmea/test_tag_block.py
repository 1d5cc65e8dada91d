"""TAG blocks: checksum and source."""

from __future__ import annotations

import pytest

from services.nmea.tag_block import TagBlock, parse
from tests.unit.nmea.framed import framed


def block(body: str) -> bytes:
    return b"\\" + framed(body)[1:] + b"\\"


@pytest.mark.parametrize(
    ("body", "source"),
    [
        ("s:TRUCK-1", "TRUCK-1"),
        ("s:2573535,c:1671533231", "2573535"),
        ("g:1-2-05628,n:08794,s:APIDSSRC1,c:0002780323", "APIDSSRC1"),
        ("c:1503079517", None),
        ("s:no id,c:1503079517", None),
        ("s:ab", None),
    ],
)
def test_the_source_is_the_terminal_if_it_can_be_one(body: str, source: str | None) -> None:
    assert parse(block(body)) == TagBlock(source)


@pytest.mark.parametrize(
    "raw", [b"\\s:TRUCK-1*00\\", b"\\s:TRUCK-1\\", b"\\s:TRUCK-1*\\", b"\\s:TRUCK-1*4\\"]
)
def test_without_its_checksum_it_is_none(raw: bytes) -> None:
    assert parse(raw) is None
