"""The compiled code of zones says what the Python code says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.model import Fix, Waypoint
from services.zones import enriching, grid
from services.zones.enriching import QUIET, Enriched, enrich_fixes
from services.zones.grid import Box, Grid
from services.zones.index import ZoneIndex
from services.zones.transitions import TerminalZones
from tests.core import blocks_kept_by, enriching_by, need_core
from tests.unit.zones.conftest import make_box, make_circle

INDEX = ZoneIndex(
    [
        make_box("a", 0, 0, 2, 2, version="1"),
        make_box("b", 1, 1, 3, 3, version="1", valid=(10, 30)),
        make_circle("c", 0, 0, 60_000, version="1"),
        make_circle("ü", 50, 179.9, 60_000, version="1"),
        make_box("far", 100, -80, 100.001, -79.999, version="1"),
    ]
)
EDITED = ZoneIndex([make_box("a", 0, 0, 2, 2, version="2"), make_box("far", 3, 3, 4, 4)])
SPECIAL = [0.0, -0.0, 0, 1, 2, 3, 0.4, 1.5, 4.0, math.nextafter(2, 3), math.nextafter(0, -1)]
ODD = [math.inf, -math.inf, 1e308, -1e308, 2**63, True, 90, 180, -180]
DEGREES = st.one_of(st.none(), st.sampled_from(SPECIAL), st.sampled_from(ODD), st.floats(-1, 4))
TIMES = st.one_of(st.none(), st.integers(0, 40), st.sampled_from([2**63, -(2**63), 2**64]))
WAYPOINTS = st.builds(
    Waypoint,
    st.sampled_from(["truck-1", "ship-2", "bus-3", "é"]),
    TIMES,
    DEGREES,
    DEGREES,
    st.sampled_from(["gnss", "gnss", "none", "best", None, 7]),
).filter(lambda fix: fix.lat is None or fix.lon is not None)
STATES = st.dictionaries(
    st.sampled_from(["truck-1", "ship-2", "é"]),
    st.builds(
        TerminalZones,
        st.one_of(st.integers(0, 20), st.just(2**64)),
        st.dictionaries(st.sampled_from(["a", "b", "c", "gone"]), st.sampled_from(["1", "2"])),
    ),
)


@pytest.fixture(autouse=True, scope="module")
def _core() -> None:
    need_core()


def told(way: str, index: ZoneIndex, states: dict[str, TerminalZones], fixes: list[Any]) -> str:
    """Results and states of one way, with types and order; the states given stay as they are."""
    moved = dict(states)
    with enriching_by(way):
        results = enrich_fixes(index, moved, fixes)
    assert all((each == QUIET) == (each is QUIET) for each in results if not each.zones)
    return repr((results, moved))


@given(st.sampled_from([INDEX, EDITED, ZoneIndex([])]), STATES, st.lists(WAYPOINTS, max_size=30))
@settings(max_examples=600)
def test_a_batch_is_enriched_as_python_does_it(
    index: ZoneIndex, states: dict[str, TerminalZones], fixes: list[Waypoint]
) -> None:
    assert told("compiled", index, states, fixes) == told("python", index, states, fixes)


@given(STATES, st.lists(WAYPOINTS, max_size=8), st.integers(0, 8))
@settings(max_examples=200)
def test_whole_fixes_among_waypoints_are_enriched_as_well(
    states: dict[str, TerminalZones], fixes: list[Waypoint], at: int
) -> None:
    whole = Fix(**{**dict.fromkeys(Fix._fields), **WHOLE})  # type: ignore[arg-type]
    mixed = [*fixes[:at], whole, *fixes[at:]]
    assert told("compiled", INDEX, states, mixed) == told("python", INDEX, states, mixed)


WHOLE: dict[str, Any] = {"terminal": "truck-1", "time_us": 21, "lat": 1.5, "lon": 1.5}
CORNERS = st.one_of(st.sampled_from([-180.0, 0.0, 90.0, 180.0]), st.floats(-180, 180))


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    """Boxes of any size, a point's included."""
    west, east = sorted([draw(CORNERS) + 0.0, draw(CORNERS) + 0.0])
    south, north = sorted([draw(CORNERS) / 2 + 0.0, draw(CORNERS) / 2 + 0.0])
    return west, south, east, north


@given(st.lists(boxes(), min_size=1, max_size=6), st.data())
@settings(max_examples=600)
def test_every_position_in_a_box_is_near(areas: list[Box], data: st.DataObject) -> None:
    area = data.draw(st.sampled_from(areas))
    lat = data.draw(st.one_of(st.sampled_from(area[1::2]), st.floats(area[1], area[3])))
    lon = data.draw(st.one_of(st.sampled_from(area[::2]), st.floats(area[0], area[2])))
    found, lats, lons = Grid(areas).near([None, lat, math.nan], [lon, lon, lon])
    assert (found.tolist(), lats.tolist(), lons.tolist()) == ([1], [lat], [lon])


@given(st.lists(boxes(), max_size=6), st.lists(st.tuples(DEGREES, DEGREES), max_size=9))
@settings(max_examples=300)
def test_near_is_a_part_of_the_known_positions_in_their_order(
    areas: list[Box], positions: list[tuple[float | None, float | None]]
) -> None:
    made = Grid(areas)
    lats, lons = [lat for lat, _ in positions], [lon for _, lon in positions]
    found = [each.tolist() for each in made.near(lats, lons)]
    with enriching_by("python"):
        known = [each.tolist() for each in made.near(lats, lons)]
    rows = [*zip(*found, strict=True)]
    assert rows == [row for row in zip(*known, strict=True) if row in rows]


def test_most_of_a_town_without_zones_is_left_out() -> None:
    made = Grid([(120.0, 28.0, 120.01, 28.01), (121.0, 29.0, 121.01, 29.01)])
    source = np.random.default_rng(7)
    lats, lons = source.uniform(28, 29.01, 10_000), source.uniform(120, 121.01, 10_000)
    assert len(made.near(lats.tolist(), lons.tolist())[0]) < 10


@pytest.mark.parametrize(
    "arguments",
    [
        (), ([], [], None), ([1.0], [], ...), ([], (), ...), (["1"], [1.0], ...),
        ([1.0], [object()], ...),
        ([1.0], [1.0], ((0.0, 0.0, 1.0, 1.0), 2, 2, 2.0, 2.0, b"\1\1\1")),
        ([1.0], [1.0], ((0.0, 0.0, 1.0, 1.0), 2, 2, 1e300, 2.0, b"\1\1\1\1")),
        ([1.0], [1.0], ((0.0, 0.0, 1.0, 1.0), 2, 2, -1.0, math.nan, b"\1\1\1\1")),
        ([1.0], [1.0], ((0.0, 0.0, 1.0, 1.0), 0, 2**62, 2.0, 2.0, b"")),
        ([1.0], [1.0], ((0.0, 0.0, 1.0, 1.0), 2, -2, 2.0, 2.0, b"\1\1\1\1")),
    ],
)  # fmt: skip
def test_near_refuses_what_is_no_grid_or_no_position(arguments: tuple[Any, ...]) -> None:
    assert grid.near is not None
    cells = ((0.0, 0.0, 1.0, 1.0), 2, 2, 2.0, 2.0, b"\1\1\1\1")
    given = [cells if each is ... else each for each in arguments]
    with pytest.raises((TypeError, ValueError)):
        grid.near(*given)


class Shortens(float):
    """A number that empties a list when it is looked at."""

    held: list[Any]

    def __float__(self) -> float:
        self.held.clear()
        return 0.5


def test_lists_that_change_on_the_way_end_in_an_error() -> None:
    assert grid.near is not None
    assert enriching.fold_quiet is not None
    cells = ((0.0, 0.0, 1.0, 1.0), 2, 2, 2.0, 2.0, b"\1\1\1\1")
    fixes = [Waypoint("x", 1, None, None, "none")] * 3
    zones: list[tuple[str, ...]] = [()] * 3

    def step(fix: Waypoint, _: tuple[str, ...]) -> Enriched:
        zones.clear()
        return QUIET

    with pytest.raises(ValueError, match="fewer zones"):
        enriching.fold_quiet(fixes, zones, {}, {}, step)
    for place in (0, 1):
        lists = [[0.5, 0.5], [0.5, 0.5]]
        lists[place][0] = odd = Shortens(0.5)
        odd.held = lists[1]
        assert len(grid.near(*lists, cells)[0]) in (8, 16)


def test_an_error_of_a_step_ends_the_batch() -> None:
    assert enriching.fold_quiet is not None

    def step(*_: object) -> Enriched:
        raise KeyError("gone")

    fixes = [Waypoint("x", 1, None, None, "none")]
    with pytest.raises(KeyError, match="gone"):
        enriching.fold_quiet(fixes, [()], {}, {}, step)
    for hostile in (None, (1,), {}):
        with pytest.raises(TypeError):
            enriching.fold_quiet(fixes, hostile, {}, {}, step)


@pytest.mark.parametrize(
    "state", [None, (1, {}), TerminalZones("1", {}), TerminalZones(1, None), TerminalZones(1, [])]
)  # type: ignore[arg-type]
def test_a_state_of_another_kind_is_left_to_python(state: Any) -> None:
    assert enriching.fold_quiet is not None
    seen: list[Waypoint] = []

    def step(fix: Waypoint, _: tuple[str, ...]) -> Enriched:
        seen.append(fix)
        return QUIET

    fixes = [Waypoint("x", 2, 1.0, 1.0, "gnss")]
    assert enriching.fold_quiet(fixes, [()], {"x": state}, {}, step) == [QUIET]
    assert seen == fixes


def test_the_core_keeps_nothing_of_a_batch() -> None:
    fixes = [
        Waypoint("truck-1", 21, 0.4, 0.4, "gnss"),
        Waypoint("truck-1", 22, 1.4, 1.4, "gnss"),
        Waypoint("ship-2", 22, None, None, "none"),
        Waypoint("ship-2", 23, 50.0, 7, "gnss"),
        Waypoint("ship-2", 2**64, 50.0, 7.0, "gnss"),
    ]
    inside = {"a": "1", "c": "1"}

    def work() -> None:
        enrich_fixes(INDEX, {"truck-1": TerminalZones(1, inside)}, fixes)
        with pytest.raises(TypeError):
            INDEX.containing_many([object()], [1.0], [1])  # type: ignore[list-item]

    assert blocks_kept_by(work) < 200
