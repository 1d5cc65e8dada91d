"""When a connection has been silent for too long, or sent too much: rules without a clock."""

from __future__ import annotations

import pytest

from services.ingest.limits import FIRST_LINE, IDLE, LINE_TIME
from services.ingest.pace import Pace, PaceLimits
from services.ingest.settings import LimitSettings

LIMITS = PaceLimits.of(
    LimitSettings(
        first_line_s=10, line_s=30, idle_s=300, terminal_lines_per_s=10, terminal_burst_lines=50
    )
)


@pytest.mark.parametrize(
    ("heard", "heard_valid", "limit", "due_s"),
    [
        ([], False, FIRST_LINE, 110),
        ([(105, 1, True)], False, FIRST_LINE, 110),
        ([(105, 1, True)], True, IDLE, 405),
        ([(105, 0, False)], True, LINE_TIME, 135),
        ([(105, 0, False), (120, 0, False)], True, LINE_TIME, 135),
        ([(105, 0, False), (120, 1, False)], True, LINE_TIME, 150),
        ([(105, 0, False), (120, 1, True)], True, IDLE, 420),
    ],
)
def test_it_is_overdue_from_the_moment_for_which_it_is_planned(
    heard: list[tuple[float, int, bool]], heard_valid: bool, limit: str, due_s: float
) -> None:
    pace = Pace(LIMITS, 100.0)
    for now_s, lines, ended in heard:
        pace.heard(now_s, lines, ended=ended)
    assert pace.due_s(heard_valid=heard_valid) == due_s
    assert pace.overdue(due_s - 0.1, heard_valid=heard_valid) is None
    assert pace.overdue(due_s, heard_valid=heard_valid) == limit


def test_nothing_counts_that_went_by_while_it_was_not_read() -> None:
    pace = Pace(LIMITS, 100.0)
    pace.heard(100.0, 0, ended=False)
    pace.forgive(500.0)
    assert pace.due_s(heard_valid=True) == 530.0


def test_a_burst_is_free_and_what_is_beyond_it_has_to_be_made_up_for() -> None:
    pace = Pace(LIMITS, 100.0)
    assert not pace.heard(100.0, 50, ended=True)
    assert pace.heard(100.0, 10, ended=True)
    assert pace.is_too_fast(100.0, terminals=1)
    assert pace.ready_at_s() == pytest.approx(101.0)


def test_several_terminals_may_send_as_much_each() -> None:
    pace = Pace(LIMITS, 100.0)
    assert pace.heard(100.0, 120, ended=True)
    assert not pace.is_too_fast(100.0, terminals=3)
    pace.heard(100.0, 31, ended=True)
    assert pace.is_too_fast(100.0, terminals=3)


def test_without_a_limit_of_lines_nothing_is_too_fast() -> None:
    pace = Pace(PaceLimits.of(LimitSettings(terminal_lines_per_s=0)), 100.0)
    assert not pace.heard(100.0, 1_000_000, ended=True)
