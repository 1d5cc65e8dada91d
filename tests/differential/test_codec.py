"""The codec's compiled code says what the Python code says, or nothing."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services import codec
from services.codec import CodecError, decode_waypoint, encode_fix
from services.model import Waypoint
from tests.core import blocks_kept_by, need_core
from tests.differential.records import fixes, records, spoilt

RECORDS = fixes().map(encode_fix)


@pytest.fixture(autouse=True, scope="module")
def _core() -> None:
    need_core()


def by_core(record: bytes) -> Waypoint | None:
    assert codec.read_waypoint is not None
    return codec.read_waypoint(record)


def by_python(record: bytes) -> Waypoint | None:
    """None for what is no record."""
    with patch.object(codec, "read_waypoint", None):
        try:
            return decode_waypoint(record)
        except CodecError:
            return None


@given(st.one_of(RECORDS, spoilt(RECORDS), records()))
@settings(max_examples=800)
def test_the_core_reads_a_waypoint_as_python_does_or_leaves_it(record: bytes) -> None:
    answer = by_core(record)
    assert answer is None or repr(answer) == repr(by_python(record))


def test_the_core_reads_what_ingest_writes() -> None:
    record = b'{"terminal":"TRUCK-1","time_us":1,"lat":28.1,"lon":-0.5,"fix":"gnss","hdop":null}'
    assert by_core(record) == Waypoint("TRUCK-1", 1, 28.1, -0.5, "gnss")


def test_the_core_keeps_nothing_of_what_it_reads() -> None:
    good = b'{"terminal":"TRUCK-1","time_us":1,"lat":28.1,"lon":-0.5,"fix":"gnss"}'
    cases = [good, good[:-1], good + b" ", good.replace(b"gnss", b"best"), b""]

    def work() -> None:
        for case in cases:
            by_core(case)

    assert blocks_kept_by(work) < 200
