"""The ledger balances when every sum comes out, and says which one does not."""

from __future__ import annotations

from typing import Any

import pytest

from services.log.base import ENRICHED, FIX, MESSAGE, REJECT, ZONE_EVENT
from services.tools.ledger_sums import Counted, Ledger, Offset, RunTally, balance

RUN = "run-1"

TALLY = RunTally(
    run=RUN,
    lines_read=110,
    lines_pending=2,
    lines_used=100,
    lines_control=3,
    lines_rejected={"checksum_wrong": 5, "not_nmea": 3},
    fix_offsets={0: 30, 1: 15},
)
OFFSETS = {(FIX, 0): 30, (FIX, 1): 15, (ZONE_EVENT, 0): 4, (MESSAGE, 0): 7, (REJECT, 0): 8}
COUNTS = {
    ("", ENRICHED, "stored"): 40,
    ("", ENRICHED, "duplicate"): 4,
    ("", ENRICHED, "dead_lettered/refused_by_database"): 1,
    (RUN, ENRICHED, "lines"): 90,
    ("", ZONE_EVENT, "stored"): 3,
    ("", ZONE_EVENT, "duplicate"): 1,
    ("", MESSAGE, "stored"): 7,
    (RUN, MESSAGE, "lines"): 7,
    ("", REJECT, "stored"): 8,
    (RUN, REJECT, "rejected/checksum_wrong"): 5,
    (RUN, REJECT, "rejected/not_nmea"): 3,
}


def ledger(
    tally: dict[str, Any] | None = None,
    offsets: dict[tuple[str, int], int] | None = None,
    counts: dict[tuple[str, str, str], int] | None = None,
) -> Ledger:
    """The ledger of the complete example with changes."""
    return balance(
        [TALLY._replace(**(tally or {}))],
        [Offset(*key, value) for key, value in {**OFFSETS, **(offsets or {})}.items()],
        [Counted(*key, value) for key, value in {**COUNTS, **(counts or {})}.items()],
    )


def test_what_is_complete_balances_and_reads_as_documented() -> None:
    assert ledger().to_json() == {
        "lines": {
            "read": 108,
            "used": 100,
            "rejected": {"checksum_wrong": 5, "not_nmea": 3},
            "in_flight": 0,
        },
        "fixes": {
            "published": 45,
            "stored": 40,
            "duplicate": 4,
            "dead_lettered": {"refused_by_database": 1},
            "in_flight": 0,
        },
        "events": {"published": 4, "stored": 3, "duplicate": 1, "dead_lettered": {}},
        "messages": {"published": 7, "stored": 7, "duplicate": 0, "dead_lettered": {}},
        "balanced": True,
        "problems": [],
    }


def test_an_empty_database_balances() -> None:
    empty = balance([], [], [])
    assert empty.balanced
    assert empty.to_json()["lines"]["read"] == 0


def test_fixes_on_their_way_are_shown_and_explain_missing_lines() -> None:
    found = ledger(
        {"lines_used": 120, "lines_read": 130, "fix_offsets": {0: 36, 1: 19}},
    )
    assert found.balanced
    assert (found.fixes.published, found.fixes.in_flight, found.lines.in_flight) == (55, 10, 20)


def test_a_run_that_died_before_its_last_tally_may_have_published_more() -> None:
    found = ledger(
        offsets={(FIX, 0): 33},
        counts={("", ENRICHED, "stored"): 43, (RUN, ENRICHED, "lines"): 96},
    )
    assert found.balanced
    assert found.fixes.published == 48
    assert found.lines.used == 106
    assert found.lines.read == 106 + 8


def test_a_run_that_died_before_its_first_tally_counts_by_what_came() -> None:
    found = ledger(
        offsets={(FIX, 2): 2, (REJECT, 0): 9},
        counts={
            ("", ENRICHED, "stored"): 42,
            ("run-2", ENRICHED, "lines"): 4,
            ("run-2", REJECT, "rejected/not_nmea"): 1,
            ("", REJECT, "stored"): 9,
        },
    )
    assert found.balanced
    assert found.lines.used == 104
    assert found.lines.rejected == {"checksum_wrong": 5, "not_nmea": 4}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"counts": {("", ENRICHED, "stored"): 39}}, "1 of 45 fixes"),
        ({"counts": {("", ENRICHED, "stored"): 41}}, "1 fixes are accounted for beyond the 45"),
        ({"offsets": {(FIX, 1): 16}}, "1 of 46 fixes"),
        ({"counts": {("", ZONE_EVENT, "stored"): 2}}, "1 of 4 zone events"),
        ({"counts": {("", ZONE_EVENT, "duplicate"): 2}}, "1 zone events are accounted"),
        ({"counts": {("", MESSAGE, "stored"): 5}}, "2 of 7 messages"),
        ({"counts": {("", REJECT, "stored"): 7}}, "1 of 8 rejects"),
        ({"counts": {(RUN, ENRICHED, "lines"): 88}}, "never came to the store: 2 used"),
        ({"counts": {(RUN, MESSAGE, "lines"): 6}}, "never came to the store: 1 used"),
        ({"counts": {(RUN, REJECT, "rejected/not_nmea"): 1}}, "2 rejected/not_nmea"),
        ({"tally": {"lines_read": 111}}, "read 109 lines to the end and used or rejected 108"),
        ({"tally": {"lines_rejected": {"not_nmea": 8}}}, "5 rejected/not_nmea"),
    ],
    ids=str,
)
def test_a_sum_that_does_not_come_out_is_told(changes: dict[str, Any], complaint: str) -> None:
    found = ledger(**changes)
    assert not found.balanced
    assert any(complaint in problem for problem in found.problems), found.problems


def test_offsets_of_several_runs_are_not_added_up() -> None:
    second = TALLY._replace(
        run="run-2", lines_read=0, lines_pending=0, lines_used=0, lines_control=0,
        lines_rejected={}, fix_offsets={0: 12, 1: 15},
    )  # fmt: skip
    found = balance(
        [TALLY, second],
        [Offset(*key, value) for key, value in OFFSETS.items()],
        [Counted(*key, value) for key, value in COUNTS.items()],
    )
    assert found.balanced
    assert found.fixes.published == 45
