"""The ledger balances when every sum comes out, and says which one does not."""

from __future__ import annotations

from typing import Any

import pytest

from services.log.base import DELETED_UNREAD, ENRICHED, FIX, MESSAGE, REJECT, ZONE_EVENT
from services.tools.ledger_lines import Counted, RunTally
from services.tools.ledger_sums import Ledger, Offset, balance

RUN = "run-1"
ENDS = {FIX: {0: 30, 1: 15}, MESSAGE: {0: 7}, REJECT: {0: 5, 2: 3}}

TALLY = RunTally(
    run=RUN,
    final=False,
    lines_read=110,
    lines_pending=2,
    lines_used=100,
    lines_control=3,
    lines_rejected={"checksum_wrong": 5, "not_nmea": 3},
    lines_repeated=0,
    fixes_published=45,
    messages_published=7,
    ends=ENDS,
)
FINAL = {"final": True, "lines_read": 108, "lines_pending": 0}
NEW_RUN = RunTally("run-2", False, 0, 0, 0, 0, {}, 0, 0, 0, {})
OFFSETS = {
    (FIX, 0): 30,
    (FIX, 1): 15,
    (ZONE_EVENT, 0): 4,
    (MESSAGE, 0): 7,
    (REJECT, 0): 5,
    (REJECT, 2): 3,
}
COUNTS = {
    ("", ENRICHED, 0, "stored"): 26,
    ("", ENRICHED, 0, "duplicate"): 4,
    ("", ENRICHED, 1, "stored"): 14,
    ("", ENRICHED, 1, "dead_lettered/refused_by_database"): 1,
    (RUN, ENRICHED, 0, "lines"): 60,
    (RUN, ENRICHED, 1, "lines"): 30,
    ("", ZONE_EVENT, 0, "stored"): 3,
    ("", ZONE_EVENT, 0, "duplicate"): 1,
    ("", MESSAGE, 0, "stored"): 7,
    (RUN, MESSAGE, 0, "lines"): 7,
    ("", REJECT, 0, "stored"): 5,
    ("", REJECT, 2, "stored"): 3,
    (RUN, REJECT, 0, "rejected/checksum_wrong"): 5,
    (RUN, REJECT, 2, "rejected/not_nmea"): 3,
}
ONE_FIX_LESS: dict[str, Any] = {
    "offsets": {(FIX, 0): 29},
    "counts": {("", ENRICHED, 0, "stored"): 25, (RUN, ENRICHED, 0, "lines"): 58},
}
ONE_MESSAGE_LESS: dict[str, Any] = {
    "offsets": {(MESSAGE, 0): 6},
    "counts": {("", MESSAGE, 0, "stored"): 6, (RUN, MESSAGE, 0, "lines"): 6},
}
ONE_REJECT_LESS: dict[str, Any] = {
    "offsets": {(REJECT, 2): 2},
    "counts": {("", REJECT, 2, "stored"): 2, (RUN, REJECT, 2, "rejected/not_nmea"): 2},
}
ONE_FIX_MORE: dict[str, Any] = {
    "offsets": {(FIX, 0): 31},
    "counts": {("", ENRICHED, 0, "stored"): 27, (RUN, ENRICHED, 0, "lines"): 62},
}
ONE_MESSAGE_MORE: dict[str, Any] = {
    "offsets": {(MESSAGE, 1): 1},
    "counts": {("", MESSAGE, 1, "stored"): 1, (RUN, MESSAGE, 1, "lines"): 1},
}
ONE_REJECT_MORE: dict[str, Any] = {
    "offsets": {(REJECT, 0): 6},
    "counts": {("", REJECT, 0, "stored"): 6, (RUN, REJECT, 0, "rejected/too_long"): 1},
}


def ledger(
    tally: dict[str, Any] | None = None,
    offsets: dict[tuple[str, int], int] | None = None,
    counts: dict[tuple[str, str, int, str], int] | None = None,
) -> Ledger:
    """The ledger of the complete example with changes."""
    return balance(
        [TALLY._replace(**(tally or {}))],
        [Offset(*key, value) for key, value in {**OFFSETS, **(offsets or {})}.items()],
        [Counted(*key, value) for key, value in {**COUNTS, **(counts or {})}.items()],
    )


@pytest.mark.parametrize("tally", [{}, FINAL], ids=["alive", "final"])
def test_what_is_complete_balances_and_reads_as_documented(tally: dict[str, Any]) -> None:
    assert ledger(tally).to_json() == {
        "lines": {
            "read": 108,
            "used": 100,
            "rejected": {"checksum_wrong": 5, "not_nmea": 3},
            "in_flight": 0,
            "untallied": 0,
        },
        "fixes": {
            "published": 45,
            "stored": 40,
            "duplicate": 4,
            "dead_lettered": {"refused_by_database": 1},
            "in_flight": 0,
        },
        "events": {"published": 4, "stored": 3, "duplicate": 1, "dead_lettered": {}},
        "messages": {
            "published": 7,
            "stored": 7,
            "duplicate": 0,
            "dead_lettered": {},
            "in_flight": 0,
        },
        "rejects": {
            "published": 8,
            "stored": 8,
            "duplicate": 0,
            "dead_lettered": {},
            "in_flight": 0,
        },
        "balanced": True,
        "problems": [],
    }


def test_an_empty_database_balances() -> None:
    empty = balance([], [], [])
    assert empty.balanced
    assert empty.to_json()["lines"]["read"] == 0


@pytest.mark.parametrize("tally", [{}, FINAL], ids=["alive", "final"])
@pytest.mark.parametrize(
    ("changes", "in_flight", "lines"),
    [
        (ONE_FIX_LESS, (1, 0, 0), 2),
        (ONE_MESSAGE_LESS, (0, 1, 0), 1),
        (ONE_REJECT_LESS, (0, 0, 1), 1),
    ],
    ids=["fix", "message", "reject"],
)
def test_what_is_on_its_way_is_known_exactly(
    tally: dict[str, Any], changes: dict[str, Any], in_flight: tuple[int, int, int], lines: int
) -> None:
    found = ledger(tally, **changes)
    assert found.problems == ()
    flows = (found.fixes, found.messages, found.rejects)
    assert tuple(flow.in_flight for flow in flows) == in_flight
    assert (found.lines.read, found.lines.in_flight) == (108, lines)


@pytest.mark.parametrize(
    ("changes", "untallied"),
    [(ONE_FIX_MORE, 2), (ONE_MESSAGE_MORE, 1), (ONE_REJECT_MORE, 1)],
    ids=["fix", "message", "reject"],
)
def test_a_run_that_was_killed_before_its_tally_may_have_published_more(
    changes: dict[str, Any], untallied: int
) -> None:
    found = ledger(**changes)
    assert found.problems == ()
    assert (found.lines.read, found.lines.untallied) == (108 + untallied, untallied)


@pytest.mark.parametrize(
    "changes", [ONE_FIX_MORE, ONE_MESSAGE_MORE, ONE_REJECT_MORE], ids=["fix", "message", "reject"]
)
def test_a_run_that_stopped_in_order_may_not_unless_a_reply_was_lost(
    changes: dict[str, Any],
) -> None:
    (problem,) = ledger(FINAL, **changes).problems
    assert problem.startswith("From run run-1 came")
    assert "stopped in order" in problem
    assert ledger({**FINAL, "lines_repeated": 2}, **changes).problems == ()


def test_a_run_that_died_before_its_first_tally_counts_by_what_came() -> None:
    found = ledger(
        offsets={(FIX, 2): 2, (REJECT, 0): 6},
        counts={
            ("", ENRICHED, 2, "stored"): 2,
            ("run-2", ENRICHED, 2, "lines"): 4,
            ("run-2", REJECT, 0, "rejected/not_nmea"): 1,
            ("", REJECT, 0, "stored"): 6,
        },
    )
    assert found.problems == ()
    assert found.lines.used == 104
    assert found.lines.rejected == {"checksum_wrong": 5, "not_nmea": 4}
    assert found.lines.untallied == 5


FEWER, MORE = "came to the store neither as rows", "The store has counted"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"counts": {("", ENRICHED, 0, "stored"): 25}}, "1 of the first 30 records of " + FIX),
        (
            {"counts": {("", ENRICHED, 0, "stored"): 27}},
            f"{MORE} 31 records where 30 came from {FIX}/0.",
        ),
        ({"offsets": {(FIX, 1): 16}}, f"1 of the first 16 records of {FIX}/1 {FEWER}"),
        (
            {"counts": {("", ZONE_EVENT, 0, "stored"): 2}},
            f"1 of the first 4 records of {ZONE_EVENT}/0",
        ),
        (
            {"counts": {("", ZONE_EVENT, 0, "duplicate"): 2}},
            f"{MORE} 5 records where 4 came from {ZONE_EVENT}/0.",
        ),
        ({"counts": {("", MESSAGE, 0, "stored"): 5}}, "2 of the first 7 records of " + MESSAGE),
        ({"counts": {("", REJECT, 0, "stored"): 4}}, "1 of the first 5 records of " + REJECT),
        (
            {"counts": {("", REJECT, 0, "stored"): 4, ("", REJECT, 2, "stored"): 4}},
            "1 of the first 5 records of " + REJECT,
        ),
        (
            {"offsets": {(FIX, 0): 32, (FIX, 1): 16}},
            f"2 of the first 32 records of {FIX}/0 and 1 of the first 16 records of {FIX}/1 came",
        ),
        ({"counts": {(RUN, ENRICHED, 0, "lines"): 58}}, "published 2 lines in fixes that never"),
        ({"counts": {(RUN, ENRICHED, 0, "lines"): 61}}, "came 1 lines in fixes more"),
        ({"counts": {(RUN, MESSAGE, 0, "lines"): 6}}, "published 1 lines in messages"),
        ({"counts": {(RUN, MESSAGE, 0, "lines"): 8}}, "came 1 lines in messages more"),
        ({"counts": {(RUN, REJECT, 2, "rejected/not_nmea"): 1}}, "rejected lines (2 not_nmea)"),
        ({"counts": {(RUN, REJECT, 2, "rejected/not_nmea"): 4}}, "rejected lines (1 not_nmea)"),
        ({"tally": {"lines_read": 111}}, "109 lines were read to the end, 100 used and 8 rejected"),
        ({"tally": {"lines_rejected": {"not_nmea": 8}}}, "rejected lines (5 not_nmea)"),
        ({"tally": {"lines_control": 94}}, "94 of them for the connection"),
        ({"tally": {"final": True}}, "2 lines were left in open epochs at its end"),
        ({"tally": {"fixes_published": 46}}, f"46 records to {FIX}, but it reaches only to 45"),
        ({"tally": {"ends": {**ENDS, REJECT: {0: 1}}, "lines_rejected": {"late": 9}}}, "9 records"),
    ],
    ids=str,
)
def test_a_sum_that_does_not_come_out_is_told(changes: dict[str, Any], complaint: str) -> None:
    found = ledger(**changes)
    assert not found.balanced
    assert any(complaint in problem for problem in found.problems), found.problems


def test_lines_lost_in_fixes_are_not_made_up_for_by_messages() -> None:
    counts = {(RUN, ENRICHED, 0, "lines"): 59, (RUN, MESSAGE, 0, "lines"): 8}
    assert len(ledger(counts=counts).problems) == 2


def test_what_is_on_its_way_explains_no_more_lines_than_it_can_hold() -> None:
    lost = {(RUN, REJECT, 0, "rejected/checksum_wrong"): 4}
    changes = {**ONE_REJECT_LESS, "counts": {**ONE_REJECT_LESS["counts"], **lost}}
    (problem,) = ledger(**changes).problems
    assert "rejected lines (1 checksum_wrong, 1 not_nmea)" in problem
    assert "only 1 of its records are on their way" in problem


def test_a_killed_run_explains_no_more_lines_than_came_behind_its_tally() -> None:
    more = {**ONE_REJECT_MORE["counts"], (RUN, REJECT, 0, "rejected/checksum_wrong"): 6}
    (problem,) = ledger(offsets=ONE_REJECT_MORE["offsets"], counts=more).problems
    assert "rejected lines (1 checksum_wrong, 1 too_long)" in problem
    assert "1 can be explained: that is all that can have come behind its newest tally" in problem


def test_offsets_of_several_runs_are_not_added_up() -> None:
    found = balance(
        [TALLY, NEW_RUN._replace(ends={FIX: {0: 12, 1: 15}})],
        [Offset(*key, value) for key, value in OFFSETS.items()],
        [Counted(*key, value) for key, value in COUNTS.items()],
    )
    assert found.problems == ()
    assert found.fixes.published == 45


def test_a_letter_for_deleted_records_accounts_for_none_of_them() -> None:
    letter = {
        ("", ENRICHED, 0, "stored"): 25,
        ("", ENRICHED, 0, f"dead_lettered/{DELETED_UNREAD}"): 1,
    }
    found = ledger(counts=letter)
    assert not found.balanced
    assert f"1 of the first 30 records of {FIX}/0" in found.problems[0]
    assert "deleted from the log before they were read" in found.problems[0]
    assert found.fixes.dead_lettered[DELETED_UNREAD] == 1
