"""Whole histories of terminals through index and fold, cut into batches in any way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.model import Fix, ZoneEvent
from services.zones.enriching import Enriched, enrich_fixes
from services.zones.index import ZoneIndex
from services.zones.transitions import TerminalZones, fold
from services.zones.zone import Zone


@pytest.fixture(scope="module")
def index(box: Callable[..., Zone], circle: Callable[..., Zone]) -> ZoneIndex:
    """Overlapping zones on 0 to 3 degrees; one counts in a part of the time only."""
    return ZoneIndex(
        [
            box("a", 0, 0, 2, 2, version="1"),
            box("b", 1, 1, 3, 3, version="1", valid=(10, 30)),
            circle("c", 0, 0, 60_000, version="1"),
        ]
    )


COORDINATE = st.none() | st.sampled_from([0.0, 0.4, 1.0, 1.5, 2.5, 4.0])
STEP = st.tuples(
    st.sampled_from(["truck-1", "ship-2", "bus-3"]),
    st.none() | st.integers(0, 40),
    COORDINATE,
    COORDINATE,
    st.sampled_from(["gnss", "gnss", "none"]),
)
HISTORY = st.lists(STEP, max_size=40)


def as_fixes(make: Callable[..., Fix], history: list[tuple[object, ...]]) -> list[Fix]:
    return [
        make(time_us, lat, lon, terminal=terminal, quality=quality)
        for terminal, time_us, lat, lon, quality in history
    ]


def one_by_one(index: ZoneIndex, fixes: list[Fix]) -> list[Enriched]:
    """The rules without the batch's short cuts."""
    states: dict[str, TerminalZones] = {}
    results = []
    for fix in fixes:
        position = None
        if fix.lat is not None and fix.lon is not None and fix.fix != "none":
            position = (fix.lat, fix.lon)
        zones = index.containing(*position, fix.time_us) if position else ()
        if fix.time_us is None:
            results.append(Enriched(zones, False, ()))
            continue
        inside = [(zone, index.versions[zone]) for zone in zones]
        folded = fold(states.get(fix.terminal), fix.terminal, fix.time_us, position, inside)
        states[fix.terminal] = folded.state
        results.append(Enriched(zones, folded.late, folded.events))
    return results


def by_zone(results: list[Enriched]) -> dict[tuple[str, str, str], list[ZoneEvent]]:
    found = defaultdict(list)
    for result in results:
        for event in result.events:
            found[event.terminal, event.zone, event.zone_version].append(event)
    return found


@given(HISTORY)
def test_a_batch_gives_what_the_rules_give_one_by_one(
    index: ZoneIndex, fix: Callable[..., Fix], history: list[tuple[object, ...]]
) -> None:
    fixes = as_fixes(fix, history)
    assert enrich_fixes(index, {}, fixes) == one_by_one(index, fixes)


@given(HISTORY, st.lists(st.integers(0, 40), max_size=5))
def test_any_cut_into_batches_gives_the_same(
    index: ZoneIndex, fix: Callable[..., Fix], history: list[tuple[object, ...]], cuts: list[int]
) -> None:
    fixes = as_fixes(fix, history)
    whole: dict[str, TerminalZones] = {}
    expected = enrich_fixes(index, whole, fixes)
    states: dict[str, TerminalZones] = {}
    results: list[Enriched] = []
    bounds = [0, *sorted(cuts), len(fixes)]
    for start, end in pairwise(bounds):
        results += enrich_fixes(index, states, fixes[start:end])
    assert results == expected
    assert states == whole


@given(HISTORY)
def test_a_zone_is_entered_and_left_in_turns_in_time_order(
    index: ZoneIndex, fix: Callable[..., Fix], history: list[tuple[object, ...]]
) -> None:
    results = enrich_fixes(index, {}, as_fixes(fix, history))
    for events in by_zone(results).values():
        expected = [("enter", "exit")[number % 2] for number in range(len(events))]
        assert [event.kind for event in events] == expected
        times = [event.time_us for event in events]
        assert times == sorted(set(times))
    ids = [event.id for result in results for event in result.events]
    assert len(ids) == len(set(ids))


@given(HISTORY)
def test_where_a_terminal_is_agrees_with_its_events(
    index: ZoneIndex, fix: Callable[..., Fix], history: list[tuple[object, ...]]
) -> None:
    states: dict[str, TerminalZones] = {}
    results = enrich_fixes(index, states, as_fixes(fix, history))
    entered = {
        (terminal, zone, version)
        for (terminal, zone, version), events in by_zone(results).items()
        if events[-1].kind == "enter"
    }
    assert entered == {
        (terminal, *item) for terminal, state in states.items() for item in state.inside.items()
    }


@given(HISTORY, STEP)
def test_a_late_fix_is_marked_and_changes_nothing_after_it(
    index: ZoneIndex,
    fix: Callable[..., Fix],
    history: list[tuple[object, ...]],
    late: tuple[object, ...],
) -> None:
    first = fix(100, 0.4, 0.4)
    straggler = as_fixes(fix, [("truck-1", 99, *late[2:])])[0]
    rest = [
        each._replace(time_us=200 + number) for number, each in enumerate(as_fixes(fix, history))
    ]
    states: dict[str, TerminalZones] = {}
    results = enrich_fixes(index, states, [first, straggler, *rest])
    assert results[1].late
    assert results[1].events == ()
    without: dict[str, TerminalZones] = {}
    assert [results[0], *results[2:]] == enrich_fixes(index, without, [first, *rest])
    assert states == without


def test_a_late_fix_gets_the_zones_of_its_position(
    index: ZoneIndex, fix: Callable[..., Fix]
) -> None:
    results = enrich_fixes(index, {}, [fix(20, 4.0, 4.0), fix(19, 1.5, 1.5)])
    assert results[1] == Enriched(("a", "b"), True, ())


def test_a_zone_that_ends_is_left_at_the_next_fix(
    index: ZoneIndex, fix: Callable[..., Fix]
) -> None:
    results = enrich_fixes(index, {}, [fix(29, 2.5, 2.5), fix(31, 2.5, 2.5)])
    assert [[(event.kind, event.time_us) for event in each.events] for each in results] == [
        [("enter", 29)],
        [("exit", 31)],
    ]


def test_a_zone_that_is_gone_or_edited_is_left_in_the_version_that_was_entered(
    box: Callable[..., Zone], fix: Callable[..., Fix]
) -> None:
    states: dict[str, TerminalZones] = {}
    before = ZoneIndex([box("a", 0, 0, 2, 2, version="1"), box("b", 0, 0, 2, 2, version="1")])
    enrich_fixes(before, states, [fix(1, 1.0, 1.0)])
    after = ZoneIndex([box("a", 0, 0, 3, 3, version="2")])
    (result,) = enrich_fixes(after, states, [fix(2, 1.0, 1.0)])
    assert [(event.kind, event.zone, event.zone_version) for event in result.events] == [
        ("exit", "a", "1"),
        ("exit", "b", "1"),
        ("enter", "a", "2"),
    ]


def test_a_fix_without_a_date_lies_in_zones_without_validity_and_moves_nothing(
    index: ZoneIndex, fix: Callable[..., Fix]
) -> None:
    states: dict[str, TerminalZones] = {}
    assert enrich_fixes(index, states, [fix(None, 1.5, 1.5)]) == [Enriched(("a",), False, ())]
    assert states == {}


def test_a_position_of_quality_none_is_none(index: ZoneIndex, fix: Callable[..., Fix]) -> None:
    assert enrich_fixes(index, {}, [fix(1, 0.4, 0.4, quality="none")]) == [Enriched((), False, ())]
