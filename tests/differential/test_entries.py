"""The compiled code of the records that go out says what the Python code says, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.enrich import entries
from services.enrich.entries import enriched_entries
from services.log.base import Entry, Record
from services.model import Waypoint
from services.zones.enriching import QUIET, Enriched
from tests.core import blocks_kept_by, enriching_by, need_core
from tests.differential.patience import PATIENT

FIX = Waypoint("TRUCK-1", 1, None, None, "none")
VALUE = b'{"terminal":"TRUCK-1"}'
NAMES = st.one_of(st.sampled_from(["harbour", "a b", "~!"]), st.text(max_size=5))
OFFSETS = st.one_of(st.integers(0, 2**40), st.integers(-(2**63), 2**63 - 1))
RECORDS = st.builds(
    Record,
    OFFSETS,
    st.one_of(st.just(b"TRUCK-1"), st.none(), st.binary(max_size=3)),
    st.one_of(st.just(VALUE), st.binary(min_size=1, max_size=40)),
)
RESULTS = st.one_of(
    st.just(QUIET),
    st.builds(Enriched, st.lists(NAMES, max_size=3).map(tuple), st.booleans(), st.just(())),
)


@pytest.fixture(autouse=True, scope="module")
def _core() -> None:
    need_core()


@given(st.lists(st.tuples(RECORDS, RESULTS), max_size=6), st.integers(0, 2**31 - 1))
@settings(PATIENT, max_examples=800)
def test_a_batch_goes_out_as_python_writes_it(
    batch: list[tuple[Record, Enriched]], partition: int
) -> None:
    records, results = [each for each, _ in batch], [each for _, each in batch]
    fixes = [FIX] * len(batch)
    written = enriched_entries(records, fixes, results, partition)
    with enriching_by("python"):
        expected = enriched_entries(records, fixes, results, partition)
    assert repr(written) == repr(expected)
    assert all(type(entry) is Entry for entry in written)


def test_the_core_writes_what_is_plain() -> None:
    assert entries.plain_entries is not None
    records = [Record(at, b"TRUCK-1", VALUE) for at in (0, 9, 10, 2**63 - 1)]
    results = [QUIET, Enriched(("a", "b"), False, ()), Enriched((), True, ()), QUIET]
    written, odd = entries.plain_entries(records, results, 3)
    assert odd == []
    head = b'{"terminal":"TRUCK-1","zones":'
    assert [value for _, value in written] == [
        head + b'[],"late":false,"source":[3,0]}',
        head + b'["a","b"],"late":false,"source":[3,9]}',
        head + b'[],"late":true,"source":[3,10]}',
        head + b'[],"late":false,"source":[3,9223372036854775807]}',
    ]


HOSTILE: list[tuple[Any, Any]] = [
    (Record(2**63, b"T", VALUE), QUIET),
    (Record(1, b"T", b""), QUIET),
    (Record(1, b"", VALUE), QUIET),
    (Record(1, None, VALUE), QUIET),
    (Record(1, b"T", None), QUIET),
    (Record(1, b"T", bytearray(VALUE)), QUIET),  # type: ignore[arg-type]
    (Record(True, b"T", VALUE), QUIET),
    (None, QUIET),
    ((1, b"T"), QUIET),
    (Record(1, b"T", VALUE), None),
    (Record(1, b"T", VALUE), ((), False)),
    (Record(1, b"T", VALUE), Enriched(["a"], False, ())),  # type: ignore[arg-type]
    (Record(1, b"T", VALUE), Enriched((1,), False, ())),  # type: ignore[arg-type]
    (Record(1, b"T", VALUE), Enriched(('"',), False, ())),
    (Record(1, b"T", VALUE), Enriched(("z" * 129,), False, ())),
    (Record(1, b"T", VALUE), Enriched(tuple(f"{at:0100}" for at in range(40)), False, ())),
    (Record(-1, b"T", VALUE), QUIET),
    (Record(1, b"T", VALUE), Enriched((), 1, ())),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("record", "result"), HOSTILE)
def test_the_core_leaves_the_rest_to_python(record: Any, result: Any) -> None:
    assert entries.plain_entries is not None
    assert entries.plain_entries([record], [result], 3) == ([None], [0])


@pytest.mark.parametrize("arguments", [(), ([], [None], 3), ([], (), 3), ([], [], 2**63), ([], [])])
def test_the_core_refuses_what_is_no_batch(arguments: Any) -> None:
    assert entries.plain_entries is not None
    with pytest.raises((TypeError, ValueError, OverflowError)):
        entries.plain_entries(*arguments)


def test_the_core_keeps_nothing_of_what_it_writes() -> None:
    records, results = [each for each, _ in HOSTILE], [each for _, each in HOSTILE]
    records += [Record(1, b"TRUCK-1", VALUE)] * 2
    results += [QUIET, Enriched(("harbour", "port"), True, ())]

    def work() -> None:
        assert entries.plain_entries is not None
        entries.plain_entries(records, results, 3)

    assert blocks_kept_by(work) < 200
