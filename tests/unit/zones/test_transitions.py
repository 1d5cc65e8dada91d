"""The fold: one step at a time."""

from __future__ import annotations

import pytest

from services.codec import content_id
from services.model import ZoneEvent
from services.zones.transitions import Folded, TerminalZones, fold

HERE = (28.0, 121.0)


def step(
    state: TerminalZones | None,
    time_us: int,
    *inside: tuple[str, str],
    position: tuple[float, float] | None = HERE,
) -> Folded:
    return fold(state, "truck-1", time_us, position, inside)


def kinds(folded: Folded) -> list[tuple[str, str, str]]:
    return [(event.kind, event.zone, event.zone_version) for event in folded.events]


def test_the_first_fix_enters_the_zones_that_it_lies_in() -> None:
    folded = step(None, 5, ("a", "1"), ("b", "1"))
    assert kinds(folded) == [("enter", "a", "1"), ("enter", "b", "1")]
    assert folded.state == TerminalZones(5, {"a": "1", "b": "1"})
    assert not folded.late


def test_the_first_fix_outside_makes_no_event() -> None:
    assert step(None, 5) == Folded(TerminalZones(5, {}), (), False)


def test_an_event_carries_the_fix_and_an_id_of_its_content() -> None:
    (event,) = step(None, 5, ("a", "1")).events
    name = content_id("truck-1", "a", "1", "enter", 5)
    assert event == ZoneEvent(name, "truck-1", "a", "1", "enter", 5, *HERE)


INSIDE = TerminalZones(10, {"b": "1", "d": "1"})


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ([("b", "1"), ("d", "1")], []),
        ([("b", "1")], [("exit", "d", "1")]),
        ([], [("exit", "b", "1"), ("exit", "d", "1")]),
        (
            [("a", "1"), ("c", "1"), ("d", "1")],
            [("exit", "b", "1"), ("enter", "a", "1"), ("enter", "c", "1")],
        ),
        ([("b", "2"), ("d", "1")], [("exit", "b", "1"), ("enter", "b", "2")]),
        (
            [("a", "1"), ("b", "2")],
            [("exit", "b", "1"), ("exit", "d", "1"), ("enter", "a", "1"), ("enter", "b", "2")],
        ),
    ],
    ids=["stays", "leaves one", "leaves all", "crosses", "new version", "all at once"],
)
def test_a_newer_fix_leaves_and_enters(
    inside: list[tuple[str, str]], expected: list[tuple[str, str, str]]
) -> None:
    folded = step(INSIDE, 11, *inside)
    assert kinds(folded) == expected
    assert folded.state == TerminalZones(11, dict(inside))
    assert {event.time_us for event in folded.events} <= {11}


@pytest.mark.parametrize("position", [HERE, None])
@pytest.mark.parametrize(("time_us", "late"), [(9, True), (10, False)])
def test_an_older_fix_is_late_and_a_duplicate_is_not_and_neither_moves_anything(
    time_us: int, late: bool, position: tuple[float, float] | None
) -> None:
    assert step(INSIDE, time_us, ("a", "1"), position=position) == Folded(INSIDE, (), late)


def test_a_fix_without_a_position_stays_in_its_zones_and_moves_the_time() -> None:
    folded = step(INSIDE, 11, position=None)
    assert folded == Folded(TerminalZones(11, INSIDE.inside), (), False)


def test_a_first_fix_without_a_position_is_remembered() -> None:
    assert step(None, 5, position=None) == Folded(TerminalZones(5, {}), (), False)


def test_a_step_leaves_the_state_before_it_as_it_was() -> None:
    before = TerminalZones(10, {"b": "1"})
    step(before, 11, ("a", "1"))
    assert before == TerminalZones(10, {"b": "1"})
