from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.search import PRECISION, STEP_DOWN, Search


def trials(limit: float, start: float, highest: float, full_limit: float | None = None):
    """All trials with a pipeline that does so much, and so much for a whole window."""
    search = Search(start, 60.0, highest)
    made = []
    while (trial := search.next()) is not None and len(made) < 100:
        made.append(trial)
        holds = limit if not trial.full or full_limit is None else full_limit
        search.tell(trial.rate <= holds)
    return search.found, made


@given(st.floats(100, 60_000), st.floats(100, 50_000))
def test_the_rate_found_is_near_the_limit_and_held_for_a_whole_window(limit, start):
    found, made = trials(limit, start, highest=100_000)
    assert found is not None
    assert limit / PRECISION <= found <= limit
    assert made[-1].full
    assert made[-1].rate == found
    assert made[-1].seconds == 60
    assert len(made) < 40


@pytest.mark.parametrize("full_limit", [20_000, 15_000])
def test_a_rate_that_holds_only_for_a_moment_is_lowered_until_it_holds(full_limit):
    found, made = trials(25_000, 5_000, highest=100_000, full_limit=full_limit)
    assert found is not None
    assert full_limit * STEP_DOWN <= found <= full_limit
    assert all(trial.full for trial in made[-3:])


def test_no_more_is_tried_than_the_terminals_can_send():
    found, made = trials(1e9, 5_000, highest=12_000)
    assert found == 12_000
    assert max(trial.rate for trial in made) == 12_000


def test_a_pipeline_that_does_nothing_ends_the_search():
    found, made = trials(0, 5_000, highest=12_000)
    assert found is None
    assert len(made) < 20


def test_a_moment_of_noise_does_not_hide_what_the_pipeline_can_do():
    search, tried = Search(5_000, 60.0, 100_000), 0
    while (trial := search.next()) is not None:
        tried += 1
        # Every fifth short try meets other work on the machine.
        search.tell(trial.rate <= 40_000 and (trial.full or tried % 5 != 0))
    assert search.found is not None
    assert 40_000 / PRECISION <= search.found <= 40_000
