"""The folded checksum against the plain one."""

from __future__ import annotations

from functools import reduce
from operator import xor

from hypothesis import given
from hypothesis import strategies as st

from services.nmea.checksum import ENDS, HEX_BYTES, checksum


@given(st.binary(max_size=1100))
def test_it_is_the_exclusive_or_of_all_bytes(body: bytes) -> None:
    assert checksum(body) == reduce(xor, body, 0)


def test_hexadecimal_digits_count_in_either_case() -> None:
    assert HEX_BYTES[b"aF"] == HEX_BYTES[b"Af"] == HEX_BYTES[b"AF"] == HEX_BYTES[b"af"] == 0xAF
    assert len(set(HEX_BYTES.values())) == 256
    assert b"G0" not in HEX_BYTES


def test_two_bytes_fold_to_the_end_of_a_sentence() -> None:
    assert ENDS[0xA50F] == b"*AA"
    assert len(ENDS) == 65536
