"""The store's compiled code says what the Python code says, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.codec import encode_fix, splice_enriched
from services.log.base import ENRICHED, Batch, Record, TopicPartition
from services.model import Fix, Source
from services.store import compiled
from services.store.compiled import Plain
from services.store.positions import build_positions, newest_last, read_enriched
from services.store.prepared import Prepared
from tests.core import blocks_kept_by, need_core, rows_by
from tests.differential.records import PARTITION, records, spoilt

_rows: Any = sys.modules.get("services.store._rows")
"""None without the core: then nothing here runs."""
IDS = {"TRUCK-1": 7, "SHIP-1": -3}


@pytest.fixture(autouse=True, scope="module")
def _core() -> None:
    need_core()


def by_core(record: bytes | None) -> Plain | None:
    assert compiled.read_enriched is not None
    return compiled.read_enriched(record, IDS, PARTITION)


def agrees(record: bytes) -> bool:
    """Whether the compiled code answered at all; what it answers has to be Python's answer."""
    answer = by_core(record)
    if answer is None:
        return False
    assert repr(answer) == repr(read_enriched(record, IDS, PARTITION))
    return True


@given(records())
@settings(max_examples=400)
def test_the_core_reads_a_record_as_python_does_or_leaves_it(record: bytes) -> None:
    agrees(record)


@given(spoilt(records()))
@settings(max_examples=400)
def test_the_core_never_reads_what_python_refuses(record: bytes) -> None:
    agrees(record)


def test_the_core_reads_what_enrich_writes_of_plain_fixes() -> None:
    known: dict[str, Any] = {
        "terminal": "TRUCK-1", "time_us": 1_760_000_000_000_000, "time_of_day_us": 5, "lat": 1 / 3,
        "lon": 120.5, "speed_kmh": 22.4 * 1.852, "fix": "rtk_fixed", "satellites_used": 12,
        "satellites_used_by": {"gps": 5, "beidou": 7}, "talkers": ("GN",), "lines": 2,
        "received_at_us": 1_760_000_000_300_000, "run": "run-1",
    }  # fmt: skip
    fix = Fix(**{**dict.fromkeys(Fix._fields), **known})
    assert agrees(splice_enriched(encode_fix(fix), (), False, Source(PARTITION, 9)))
    assert agrees(splice_enriched(encode_fix(fix), ("harbour",), True, Source(PARTITION, 9)))


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=2_000)
def test_the_core_reads_every_number_to_the_last_bit(number: float) -> None:
    fix = Fix(**{**dict.fromkeys(Fix._fields), **PLAIN, "lat": number})  # type: ignore[arg-type]
    agrees(splice_enriched(encode_fix(fix), (), False, Source(PARTITION, 9)))


PLAIN: dict[str, Any] = {
    "terminal": "TRUCK-1", "time_us": 1, "fix": "gnss", "talkers": (), "lines": 1,
    "received_at_us": 1, "run": "run-1",
}  # fmt: skip


def test_the_core_keeps_nothing_of_what_it_reads() -> None:
    fix = Fix(**{**dict.fromkeys(Fix._fields), **PLAIN, "lat": 28.1})  # type: ignore[arg-type]
    good = splice_enriched(encode_fix(fix), ("harbour", "anchorage"), False, Source(PARTITION, 9))
    cases = [good, good[:-1], good.replace(b'"late"', b'"lade"'), good.replace(b"[3,9]", b"[3]")]
    rows = [answer[6] for answer in map(by_core, cases) if answer is not None]
    batches = [[good, good], [good, cases[1]], [good, good.replace(b"[3,9]", b"[3,10]")], []]

    def work() -> None:
        for case in cases:
            by_core(case)
        _rows.pack_positions(rows, 1)
        with pytest.raises(TypeError):
            _rows.pack_positions([*rows, rows[0][:-1]], 1)
        packed = [_rows.pack_batch(records_of(batch), IDS, PARTITION, 0) for batch in batches]
        parts = [answer[0] for answer in packed if answer is not None]
        ordered = _rows.newest_last(parts)
        assert ordered is not None
        assert _rows.newest_last([*parts, []]) is None
        _rows.pack_positions(ordered[0], 1)
        assert ordered[0] == list(ordered[0])
        with pytest.raises(IndexError):
            parts[0][2]

    assert blocks_kept_by(work) < 200


# ---- Whole batches ------------------------------------------------------------------------------


def records_of(values: Sequence[bytes | None]) -> list[Record]:
    return [Record(offset, None, value) for offset, value in enumerate(values, 5)]


def build(way: str, values: Sequence[bytes | None], next_source: int) -> Prepared:
    batch = Batch(TopicPartition(ENRICHED, PARTITION), records_of(values), 5 + len(values))
    with rows_by(way):
        return build_positions(batch, IDS, next_source)


def agree(values: Sequence[bytes | None], next_source: int) -> bool:
    """Whether compiled code packed the batch; in any case all that is said of it is the same."""
    ours, theirs = build("compiled", values, next_source), build("python", values, next_source)
    said = ours._replace(rows=list(ours.rows), records=list(ours.records), unknown=set())
    assert repr(said) == repr(theirs._replace(unknown=set()))
    assert ours.unknown == theirs.unknown
    packed = not isinstance(ours.rows, list)
    if packed:
        assert _rows.pack_positions(ours.rows, 7) == _rows.pack_positions(list(theirs.rows), 7)
    return packed


VALUES = st.lists(records(), max_size=8)


@given(VALUES, st.integers(0, 2**40))
@settings(max_examples=300)
def test_a_batch_is_the_same_by_either_way(values: list[bytes], next_source: int) -> None:
    agree(values, next_source)


@given(st.lists(st.one_of(records(), spoilt(records()), st.none()), max_size=8), st.integers(0, 9))
@settings(max_examples=300)
def test_a_batch_of_spoilt_records_is_the_same_by_either_way(
    values: list[bytes | None], next_source: int
) -> None:
    agree(values, next_source)


PLACES = st.tuples(
    st.sampled_from(["TRUCK-1", "SHIP-1", "new"]), st.integers(0, 3), st.booleans(),
    st.integers(0, 3), st.sampled_from(["a", "b", ""]), st.sampled_from([(), ("a",), ("a", "bc")]),
)  # fmt: skip


def plain_values(places: Sequence[tuple[str, int, bool, int, str, tuple[str, ...]]]) -> list[bytes]:
    """Plain records whose sources go up and, after each fourth, back."""
    values = []
    for number, (terminal, second, seen, said, run, zones) in enumerate(places):
        known = {
            **PLAIN, "terminal": terminal, "time_us": second, "run": run, "lines": number,
            "lat": 28.0 if seen else None, "received_at_us": 9 - second,
            "satellites_used_by": {"gps": said, "beidou": said - 1} if said > 1 else None,
            "hdop": 0.5 if said else None, "satellites_used": number,
        }  # fmt: skip
        fix = Fix(**{**dict.fromkeys(Fix._fields), **known})  # type: ignore[arg-type]
        source = Source(PARTITION, number - number % 4 // 3 * 2)
        values.append(splice_enriched(encode_fix(fix), zones, seen, source))
    return values


@given(st.lists(PLACES, max_size=20), st.integers(0, 5))
@settings(max_examples=300)
def test_a_batch_of_plain_records_is_packed(places: list[Any], next_source: int) -> None:
    assert agree(plain_values(places), next_source)


@pytest.mark.parametrize(
    "changes",
    [{"satellites_used": 70_000}, {"satellites_used": 7.5}, {"satellites_used_by": {"gps": 40_000}},
     {"lat": 1e300}, {"terminal": "a\0b"}, {"lat": -0.0}],
    ids=str,
)  # fmt: skip
def test_a_value_that_its_column_does_not_take_is_left_to_python(changes: dict[str, Any]) -> None:
    fix = Fix(**{**dict.fromkeys(Fix._fields), **PLAIN, **changes})  # type: ignore[arg-type]
    bad = splice_enriched(encode_fix(fix), (), False, Source(PARTITION, 9))
    good = plain_values([("TRUCK-1", 1, True, 1, "a", ())])
    assert agree(good, 0)
    assert not agree([*good, bad], 0)


@given(st.lists(st.lists(PLACES, max_size=12), max_size=3))
@settings(max_examples=300)
def test_the_newest_rows_come_last_by_either_way(parts: list[list[Any]]) -> None:
    known = [[place for place in part if place[0] in IDS] for part in parts]
    built = [build("compiled", plain_values(part), 0).rows for part in known]
    with rows_by("python"):
        rows, others = newest_last([list(part) for part in built])
    ordered = newest_last(built)
    assert (repr(list(ordered[0])), ordered[1]) == (repr(rows), others)
    assert _rows.pack_positions(ordered[0], 7) == _rows.pack_positions(rows, 7)
    # A batch that is not packed takes the others along.
    assert newest_last([*built, []]) == (rows, others)


def test_other_arguments_are_refused() -> None:
    (rows, *_) = _rows.pack_batch([], IDS, PARTITION, 0)
    for wrong in (
        lambda: _rows.pack_batch(7, IDS, PARTITION, 0),  # type: ignore[arg-type]
        lambda: _rows.pack_batch([], (), PARTITION, 0),  # type: ignore[arg-type]
        lambda: _rows.pack_batch([], IDS, "3", 0),  # type: ignore[arg-type]
        lambda: _rows.newest_last(rows),  # type: ignore[arg-type]
        lambda: _rows.pack_positions((), 7),
        type(rows),
        lambda: hash(rows),
    ):
        with pytest.raises(TypeError):
            wrong()
    for strange in ([()], [(1, None, b"{}", 4)], [b"{}"], [None]):
        assert _rows.pack_batch(strange, IDS, PARTITION, 0) is None  # type: ignore[arg-type]
    assert (
        _rows.pack_batch(
            records_of(plain_values([("TRUCK-1", 1, True, 1, "a", ())])),
            {"TRUCK-1": 2**40},
            PARTITION,
            0,
        )
        is None
    )
    assert rows == []
    assert rows != [()]
    assert rows != "rows"
