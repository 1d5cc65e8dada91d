"""Enriched records as rows: every value in its column, every oddity a dead letter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.codec import encode_dead_letter
from services.log.base import ENRICHED
from services.model import Source
from services.store.positions import build_positions, latest_rows, newest_last
from services.store.prepared import Moments, Prepared
from services.store.rows import POSTGRES_EPOCH_US
from services.store.tables import POSITION_COLUMNS
from tests.core import WAYS, rows_by
from tests.integration.store.records import RUN, START_US, batch, enriched, fix, fix_batch

IDS = {"TRUCK-1": 7, "SHIP-1": 8}


@pytest.fixture(params=WAYS, autouse=True)
def _way(request: pytest.FixtureRequest) -> Iterator[None]:
    with rows_by(request.param):
        yield


def build(*values: bytes | None, next_source: int = 0, start: int = 0) -> Prepared:
    return build_positions(batch(ENRICHED, values, start), IDS, next_source)


def changed(**changes: Any) -> bytes:
    fields = orjson.loads(enriched(fix(1), 0))
    return orjson.dumps({**fields, **changes})


def test_each_value_stands_in_its_column() -> None:
    built = build(enriched(fix(1, heading_deg=45.5, fix="rtk_fixed"), 0, ("a", "b")))
    assert dict(zip(POSITION_COLUMNS, built.rows[0], strict=True)) == {
        "time": (START_US + 1_000_000 - POSTGRES_EPOCH_US,),
        "lat": 28.001,
        "lon": 120.5,
        "terminal_id": 7,
        "altitude_m": 12.5,
        "speed_kmh": 36.0,
        "course_deg": 90.0,
        "heading_deg": 45.5,
        "hdop": 0.75,
        "fix": 4,
        "satellites_used": 12,
        "gps_used": 5,
        "glonass_used": None,
        "galileo_used": None,
        "beidou_used": 7,
        "gps_in_view": None,
        "glonass_in_view": None,
        "galileo_in_view": None,
        "beidou_in_view": None,
        "late": False,
        "zones": ["a", "b"],
    }


def test_what_is_only_about_the_way_is_not_in_the_row() -> None:
    one = build(enriched(fix(1), 0))
    other = build(enriched(fix(1, run="run-2", received_at_us=5, lines=9), 3), next_source=2)
    assert one.rows == other.rows


def test_lines_are_counted_by_run() -> None:
    values = [
        enriched(fix(1), 0),
        enriched(fix(2, run="run-2", lines=5), 1),
        enriched(fix(3, lines=3), 2),
    ]
    assert build(*values).counts == {(RUN, "lines"): 5, ("run-2", "lines"): 5}


def test_moments_span_the_batch() -> None:
    built = build_positions(fix_batch([fix(5), fix(2), fix(9)]), IDS, 0)
    assert built.moments == Moments(
        START_US + 2_000_000, START_US + 9_000_000, START_US + 2_250_000, START_US + 9_250_000
    )


@pytest.mark.parametrize(
    ("sources", "next_source", "stored", "redelivered", "following"),
    [
        ([0, 1, 2], 0, 3, 0, 3),
        ([3, 4, 5], 5, 1, 2, 6),
        ([3, 4, 3, 4, 5], 3, 3, 2, 6),
        ([0, 1], 9, 0, 2, 9),
        ([4, 7], 4, 2, 0, 8),
        ([], 6, 0, 0, 6),
    ],
)
def test_sources_below_the_next_one_are_redeliveries(
    sources: list[int], next_source: int, stored: int, redelivered: int, following: int
) -> None:
    values = [enriched(fix(source), source) for source in sources]
    built = build(*values, next_source=next_source)
    assert (len(built.rows), built.redelivered, built.next_source) == (
        stored,
        redelivered,
        following,
    )
    assert sum(built.counts.values()) == 2 * stored


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ({"fix": "guess"}, True),
        ({"fix": []}, True),
        ({"time_us": None}, True),
        ({"terminal": 5}, True),
        ({"terminal": "a\0b"}, True),
        ({"run": None}, True),
        ({"run": "a\0b"}, True),
        ({"lines": "2"}, True),
        ({"lines": -1}, True),
        ({"lines": 1 << 40}, True),
        ({"satellites_used_by": 5}, True),
        ({"satellites_in_view_by": []}, True),
        ({"source": [1, 0]}, False),
        ({"source": [0, "0"]}, False),
        ({"source": [0, 0.5]}, False),
        ({"source": None}, False),
        ({"source": [0]}, False),
    ],
    ids=str,
)
def test_a_record_that_is_no_fix_is_a_dead_letter_and_the_next_one_is_not(
    changes: dict[str, Any], counted: bool
) -> None:
    built = build(changed(**changes), enriched(fix(2), 1))
    assert [letter.counted for letter in built.dead] == [counted]
    assert len(built.rows) == 1
    assert built.counts == {(RUN, "lines"): 2}
    assert built.next_source == 2


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"7", b"null", b"\xff", b'{"a":1}'])
def test_bytes_of_anything_else_stand_for_no_fix(value: bytes | None) -> None:
    built = build(value, next_source=4)
    assert (built.rows, built.next_source) == ([], 4)
    assert [(letter.reason, letter.counted) for letter in built.dead] == [("undecodable", False)]


def test_a_dead_letter_of_enrich_keeps_its_reason_its_bytes_and_its_place() -> None:
    letter = encode_dead_letter(b"poison", "undecodable", Source(0, 4))
    built = build(letter, next_source=4)
    assert [(each.record.value, each.reason, each.counted) for each in built.dead] == [
        (b"poison", "undecodable", True)
    ]
    assert built.next_source == 5


def test_a_dead_letter_that_comes_again_is_a_redelivery() -> None:
    letter = encode_dead_letter(b"poison", "undecodable", Source(0, 4))
    built = build(letter, letter, next_source=4)
    assert (len(built.dead), built.redelivered, built.next_source) == (1, 1, 5)


def test_a_dead_letter_of_another_partition_stands_for_no_fix() -> None:
    letter = encode_dead_letter(b"poison", "undecodable", Source(3, 4))
    built = build(letter, next_source=4)
    assert [each.counted for each in built.dead] == [False]
    assert built.next_source == 4


def test_terminals_without_an_id_are_named() -> None:
    values = [enriched(fix(1, name), index) for index, name in enumerate(["A-1", "TRUCK-1", "B-2"])]
    assert build(*values).unknown == {"A-1", "B-2"}


@given(
    st.lists(st.tuples(st.sampled_from(["TRUCK-1", "SHIP-1"]), st.integers(0, 50), st.booleans()))
)
def test_the_latest_rows_are_the_newest_with_a_position(
    given_fixes: list[tuple[str, int, bool]],
) -> None:
    fixes = [
        fix(second, terminal, **({} if seen else {"lat": None, "lon": None}))
        for terminal, second, seen in given_fixes
    ]
    rows = build_positions(fix_batch(fixes), IDS, 0).rows
    expected: dict[int, int] = {}
    for terminal, second, seen in given_fixes:
        if seen:
            expected[IDS[terminal]] = max(second, expected.get(IDS[terminal], 0))
    latest = latest_rows(rows)
    found = {row[3]: (row[0][0] + POSTGRES_EPOCH_US - START_US) // 1_000_000 for row in latest}
    assert found == expected
    assert [row[3] for row in latest] == sorted(expected)


def test_of_two_rows_of_one_time_the_latest_is_the_one_that_says_more() -> None:
    part = fix(1, altitude_m=None, hdop=None, satellites_used=None)
    for fixes in ([part, fix(1)], [fix(1), part]):
        (latest,) = latest_rows(build_positions(fix_batch(fixes), IDS, 0).rows)
        assert latest[4] == 12.5


def test_rows_of_a_terminal_are_sent_in_the_order_of_time_with_the_latest_at_the_end() -> None:
    """In any other order the pages of the index stay half empty."""
    parts = [
        build_positions(
            fix_batch([fix(at, name) for at in seconds for name in ("TRUCK-1", "SHIP-1")]), IDS, 0
        ).rows
        for seconds in ((1, 2), (3, 4))
    ]
    rows, others = newest_last(parts)
    sent = [(row[3], (row[0][0] + POSTGRES_EPOCH_US - START_US) // 1_000_000) for row in rows]
    truck, ship = IDS["TRUCK-1"], IDS["SHIP-1"]
    assert sent[:others] == [(name, at) for at in (1, 2, 3) for name in (truck, ship)]
    assert sent[others:] == [(name, 4) for name in sorted((truck, ship))]
