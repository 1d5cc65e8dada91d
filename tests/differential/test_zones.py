"""The compiled code of zones says what the Python code says."""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.model import Fix, Waypoint
from services.zones import enriching, grid
from services.zones.boxes import Box, BoxTree
from services.zones.enriching import QUIET, Enriched, enrich_fixes
from services.zones.grid import Grid
from services.zones.index import ZoneIndex
from services.zones.transitions import TerminalZones
from tests.core import blocks_kept_by, enriching_by, need_core
from tests.differential.patience import PATIENT
from tests.unit.zones.conftest import make_box, make_circle

# Of latitude and longitude together, for the tree: absurd ones are among the positions here.
pytestmark = pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered in add")
ZONES = [
    make_box("a", 0, 0, 2, 2, version="1"),
    make_box("b", 1, 1, 3, 3, version="1", valid=(10, 30)),
    make_circle("c", 0, 0, 60_000, version="1"),
    make_circle("ü", 50, 179.9, 60_000, version="1"),
    make_box("far", 100, -80, 100.001, -79.999, version="1"),
]
EDITED = [make_box("a", 0, 0, 2, 2, version="2"), make_box("far", 3, 3, 4, 4)]
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


@cache
def index_by(way: str, zones: int) -> ZoneIndex:
    """One of the sets of zones, each index built once."""
    with enriching_by(way):
        return ZoneIndex([ZONES, EDITED, []][zones])


@pytest.fixture(autouse=True, scope="module")
def _core() -> None:
    need_core()


def told(way: str, zones: int, states: dict[str, TerminalZones], fixes: list[Any]) -> str:
    """Results and states of one way, with types and order; the states given stay as they are."""
    moved = dict(states)
    with enriching_by(way):
        results = enrich_fixes(index_by(way, zones), moved, fixes)
    assert all((each == QUIET) == (each is QUIET) for each in results if not each.zones)
    return repr((results, moved))


@given(st.integers(0, 2), STATES, st.lists(WAYPOINTS, max_size=30))
@settings(PATIENT, max_examples=600)
def test_a_batch_is_enriched_as_python_does_it(
    zones: int, states: dict[str, TerminalZones], fixes: list[Waypoint]
) -> None:
    assert told("compiled", zones, states, fixes) == told("python", zones, states, fixes)


@given(STATES, st.lists(WAYPOINTS, max_size=8), st.integers(0, 8))
@settings(PATIENT, max_examples=200)
def test_whole_fixes_among_waypoints_are_enriched_as_well(
    states: dict[str, TerminalZones], fixes: list[Waypoint], at: int
) -> None:
    whole = Fix(**{**dict.fromkeys(Fix._fields), **WHOLE})  # type: ignore[arg-type]
    mixed = [*fixes[:at], whole, *fixes[at:]]
    assert told("compiled", 0, states, mixed) == told("python", 0, states, mixed)


WHOLE: dict[str, Any] = {"terminal": "truck-1", "time_us": 21, "lat": 1.5, "lon": 1.5}
CORNERS = st.one_of(st.sampled_from([-180.0, 0.0, 90.0, 180.0]), st.floats(-180, 180))


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    """Boxes of any size, a point's included."""
    west, east = sorted([draw(CORNERS) + 0.0, draw(CORNERS) + 0.0])
    south, north = sorted([draw(CORNERS) / 2 + 0.0, draw(CORNERS) / 2 + 0.0])
    return west, south, east, north


@given(st.lists(boxes(), max_size=6), st.data())
@settings(PATIENT, max_examples=600)
def test_the_grid_finds_the_boxes_that_the_tree_finds(
    areas: list[Box], data: st.DataObject
) -> None:
    corners = [*itertools.chain.from_iterable(areas)] or [0.0]
    degrees = st.one_of(DEGREES, st.sampled_from(corners), CORNERS)
    near = st.sampled_from(corners).map(lambda at: math.nextafter(at, data.draw(CORNERS)))
    positions = data.draw(st.lists(st.tuples(degrees | near, degrees | near), max_size=9))
    lats, lons = [lat for lat, _ in positions], [lon for _, lon in positions]
    found, expected = (
        sorted(zip(*(each.tolist() for each in kind(areas).candidates(lats, lons)), strict=True))
        for kind in (Grid, BoxTree)
    )
    assert found == expected


def test_large_boxes_get_larger_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "MOST_MEMBERS", 100)
    source = np.random.default_rng(7)
    lows, sizes = source.uniform(0, 10, (40, 2)), source.uniform(0, 10, (40, 2))
    areas = [tuple(each) for each in np.hstack([lows, lows + sizes]).tolist()]
    lats, lons = source.uniform(-1, 21, (2, 2_000)).tolist()
    made = Grid(areas)
    assert made._cells[1] < 16
    assert len(made._cells[6]) <= 400
    found, expected = (
        sorted(zip(*(each.tolist() for each in kind.candidates(lats, lons)), strict=True))
        for kind in (made, BoxTree(areas))
    )
    assert found == expected


BOX = (0.0, 0.0, 1.0, 1.0)
STARTS, MEMBERS, CORNER_BYTES = (
    np.array([0, 1, 1, 1, 1], dtype=np.int32).tobytes(),
    np.array([0], dtype=np.int32).tobytes(),
    np.array(BOX).tobytes(),
)
CELLS = (BOX, 2, 2, 2.0, 2.0, STARTS, MEMBERS, CORNER_BYTES)


@pytest.mark.parametrize(
    "arguments",
    [
        (), ([], [], None), ([1.0], [], CELLS), ([], (), CELLS), (["1"], [1.0], CELLS),
        ([1.0], [object()], CELLS),
        ([1.0], [1.0], (BOX, 2, 2, 2.0, 2.0, STARTS[:-1], MEMBERS, CORNER_BYTES)),
        ([1.0], [1.0], (BOX, 2, 2, 1e300, 2.0, STARTS, MEMBERS, CORNER_BYTES)),
        ([1.0], [1.0], (BOX, 2, 2, -1.0, math.nan, STARTS, MEMBERS, CORNER_BYTES)),
        ([1.0], [1.0], (BOX, 0, 2**62, 2.0, 2.0, STARTS, MEMBERS, CORNER_BYTES)),
        ([1.0], [1.0], (BOX, 2, -2, 2.0, 2.0, STARTS, MEMBERS, CORNER_BYTES)),
        ([1.0], [1.0], (BOX, 2, 2, 2.0, 2.0, STARTS, MEMBERS, None)),
    ],
)  # fmt: skip
def test_what_is_no_grid_or_no_position_is_refused(arguments: tuple[Any, ...]) -> None:
    assert grid.candidates is not None
    with pytest.raises((TypeError, ValueError)):
        grid.candidates(*arguments)


@pytest.mark.parametrize("starts", [[0, 9, 1, 1, 1], [-9, 9, -1, 1, 1], [2**31 - 1, 0, 0, 0, 0]])
@pytest.mark.parametrize("members", [[], [0], [1], [-1], [0, 2**31 - 1]])
@pytest.mark.parametrize("corners", [b"", CORNER_BYTES, CORNER_BYTES[:-1]])
def test_a_spoilt_grid_is_never_read_beyond_its_end(
    starts: list[int], members: list[int], corners: bytes
) -> None:
    assert grid.candidates is not None
    spoilt = [np.array(each, dtype=np.int32).tobytes() for each in (starts, members)]
    cells = (BOX, 2, 2, 2.0, 2.0, *spoilt, corners)
    assert len(grid.candidates([0.1, 0.9], [0.1, 0.9], cells)) in (0, 32)  # type: ignore[arg-type]


class Empties:
    """A number that empties a list when it is looked at."""

    def __init__(self, held: list[Any]) -> None:
        self._held = held

    def __float__(self) -> float:
        self._held.clear()
        return 0.5


def test_lists_that_change_on_the_way_end_in_an_error() -> None:
    assert grid.candidates is not None
    assert enriching.fold_quiet is not None
    fixes = [Waypoint("x", 1, None, None, "none")] * 3
    zones: list[tuple[str, ...]] = [()] * 3

    def step(fix: Waypoint, _: tuple[str, ...]) -> Enriched:
        zones.clear()
        return QUIET

    with pytest.raises(ValueError, match="fewer zones"):
        enriching.fold_quiet(fixes, zones, {}, {}, step)
    for place in (0, 1):
        lists: list[list[Any]] = [[0.5, 0.5], [0.5, 0.5]]
        lists[place][0] = Empties(lists[1])
        with pytest.raises(ValueError, match="changed"):
            grid.candidates(*lists, CELLS)


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
    made = index_by("compiled", 0)

    def work() -> None:
        enrich_fixes(made, {"truck-1": TerminalZones(1, inside)}, fixes)
        with pytest.raises(TypeError):
            made.containing_many([object()], [1.0], [1])  # type: ignore[list-item]

    assert blocks_kept_by(work) < 200
