"""The store's compiled code says what the Python code says, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.codec import encode_fix, splice_enriched
from services.model import Fix, Source
from services.store import compiled
from services.store.compiled import Plain
from services.store.positions import read_enriched
from tests.core import blocks_kept_by, need_core
from tests.differential.records import PARTITION, records, spoilt

IDS = {"TRUCK-1": 7}


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
    assert compiled.pack_positions is not None

    def work() -> None:
        for case in cases:
            by_core(case)
        compiled.pack_positions(rows, 1)  # type: ignore[misc]
        with pytest.raises(TypeError):
            compiled.pack_positions([*rows, rows[0][:-1]], 1)  # type: ignore[misc]

    assert blocks_kept_by(work) < 200
