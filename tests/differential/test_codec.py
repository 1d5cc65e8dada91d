"""The codec's compiled code says what the Python code says, or nothing."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services import codec
from services.codec import decode_waypoints, encode_fix
from services.model import Waypoint
from tests.core import blocks_kept_by, need_core
from tests.differential.patience import PATIENT
from tests.differential.records import fixes, records, spoilt

RECORDS = fixes().map(encode_fix)


@pytest.fixture(autouse=True, scope="module")
def _core() -> None:
    need_core()


def by_core(record: bytes | None) -> Waypoint | None:
    assert codec.read_waypoints is not None
    (answer,), odd = codec.read_waypoints([record])
    assert odd == ([0] if answer is None else [])
    return answer


def by_python(values: list[bytes | None]) -> list[Waypoint | None]:
    """None for what is no record."""
    with patch.object(codec, "read_waypoints", None):
        return decode_waypoints(values)


@given(st.one_of(RECORDS, spoilt(RECORDS), records()))
@settings(PATIENT, max_examples=800)
def test_the_core_reads_a_waypoint_as_python_does_or_leaves_it(record: bytes) -> None:
    answer = by_core(record)
    assert answer is None or repr([answer]) == repr(by_python([record]))


@given(st.lists(st.one_of(RECORDS, spoilt(RECORDS), st.none()), max_size=6))
@settings(PATIENT, max_examples=200)
def test_a_batch_is_read_as_python_reads_it(values: list[bytes | None]) -> None:
    assert repr(decode_waypoints(values)) == repr(by_python(values))


@given(
    st.sampled_from(["lat", "hdop"]),
    st.from_regex(rb"-?[0-9]{0,22}(\.[0-9]{0,22})?", fullmatch=True),
)
@settings(PATIENT, max_examples=800)
def test_numbers_of_any_length_are_read_as_python_reads_them(field: str, number: bytes) -> None:
    record = b'{"terminal":"T","time_us":1,"%b":%b,"lon":2.5,"fix":"gnss"}'
    value = record % (field.encode(), number)
    answer = by_core(value)
    assert answer is None or repr([answer]) == repr(by_python([value]))


@given(st.integers(-(2**64), 2**64))
@settings(PATIENT, max_examples=800)
def test_times_of_any_length_are_read_as_python_reads_them(time_us: int) -> None:
    value = b'{"terminal":"T","time_us":%d,"lat":null,"lon":null,"fix":"none"}' % time_us
    answer = by_core(value)
    assert answer is None or repr([answer]) == repr(by_python([value]))
    assert (answer is None) == (abs(time_us) >= 10**18)


def test_fields_in_another_order_are_read_as_well() -> None:
    record = b'{"fix":"gnss","lon":120.5,"terminal":"TRUCK-1","lat":28,"run":"r","time_us":1}'
    assert repr(by_core(record)) == repr(Waypoint("TRUCK-1", 1, 28, 120.5, "gnss"))


def test_a_field_that_stands_twice_is_left_to_python() -> None:
    record = b'{"terminal":"T","time_us":1,"fix":"gnss","terminal":"T"}'
    assert by_core(record) is None
    assert by_core(record.replace(b'"terminal":"T",', b"", 1)) is not None


def test_the_core_reads_what_ingest_writes() -> None:
    record = b'{"terminal":"TRUCK-1","time_us":1,"lat":28.1,"lon":-0.5,"fix":"gnss","hdop":null}'
    assert by_core(record) == Waypoint("TRUCK-1", 1, 28.1, -0.5, "gnss")


def test_the_core_keeps_nothing_of_what_it_reads() -> None:
    good = b'{"terminal":"TRUCK-1","time_us":1,"lat":28.1,"lon":-0.5,"fix":"gnss"}'
    cases = [good, good[:-1], good + b" ", good.replace(b"gnss", b"best"), b"", None]

    def work() -> None:
        assert codec.read_waypoints is not None
        codec.read_waypoints(cases)
        for hostile in (None, good, tuple(cases)):
            with pytest.raises(TypeError):
                codec.read_waypoints(hostile)  # type: ignore[arg-type]

    assert blocks_kept_by(work) < 200
