"""The zone index against plain shapely on the same positions: python -m loadtests.zones.

Zones and positions lie at random in the same 60 km by 22 km; most positions are in few zones or
none. Terminals stand still, so nothing enters or leaves after the first round. Plain shapely means
``STRtree.query(points, predicate="intersects")`` and the ids gathered per position. All take turns,
the best round of each counts, and index and shapely must agree.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import NamedTuple

import shapely

from services.model import Fix
from services.zones.enriching import enrich_fixes
from services.zones.index import ZoneIndex
from services.zones.shapes import read_shape
from services.zones.transitions import TerminalZones
from services.zones.zone import Zone

CASES = ((10, 50), (1_000, 50), (10_000, 50), (1_000, 1_000))
"""Numbers of zones and of corners of each."""

BATCH_SIZES = (20, 500, 5_000)
ROUNDS = 7


class Measured(NamedTuple):
    """Microseconds a fix, for one set of zones and one size of batch."""

    zones: int
    corners: int
    batch: int
    index_us: float
    plain_us: float
    enrich_us: float
    """Index, fold and result together (``enrich_fixes``), with no events."""


def make_zone(number: int, corners: int, source: random.Random) -> Zone:
    """A wobbly circle of 50 to 300 m as a polygon."""
    lon, lat = source.uniform(120.6, 121.2), source.uniform(27.9, 28.1)
    ring = []
    for corner in range(corners):
        radius_deg = source.uniform(0.8, 1) * (0.0005 + 0.0025 * (number % 10) / 10)
        angle = 2 * math.pi * corner / corners
        ring.append([lon + radius_deg * math.cos(angle), lat + radius_deg * math.sin(angle)])
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    shape = read_shape(geometry, None, _never)
    assert shape is not None
    return Zone(f"zone-{number:05}", "area", None, "1", shape, None, None, {})


def make_fixes(count: int, time_us: int) -> list[Fix]:
    """One fix each of so many terminals, which stand at the same places whenever asked."""
    source = random.Random(7)
    empty = dict.fromkeys(Fix._fields)
    fixes = []
    for number in range(count):
        known = {
            "terminal": f"terminal-{number}",
            "time_us": time_us,
            "lat": source.uniform(27.9, 28.1),
            "lon": source.uniform(120.6, 121.2),
            "fix": "gnss",
        }
        fixes.append(Fix(**{**empty, **known}))  # type: ignore[arg-type]
    return fixes


def plain(
    tree: shapely.STRtree, ids: Sequence[str], lats: Sequence[float], lons: Sequence[float]
) -> list[tuple[str, ...]]:
    """What the index answers, by shapely's own means."""
    found: list[tuple[str, ...]] = [()] * len(lats)
    positions, zones = tree.query(shapely.points(lons, lats), predicate="intersects")
    for position, zone in sorted(zip(positions.tolist(), zones.tolist(), strict=True)):
        found[position] += (ids[zone],)
    return found


def measure(zones: Sequence[Zone], corners: int, batch: int, rounds: int = ROUNDS) -> Measured:
    """Paired rounds of the three. Raises AssertionError if index and shapely differ."""
    index = ZoneIndex(zones)
    tree = shapely.STRtree([zone.shape for zone in zones])
    ids = [zone.id for zone in zones]
    best = [math.inf] * 3
    states: dict[str, TerminalZones] = {}
    for turn in range(rounds):
        fixes = make_fixes(batch, turn * 1_000_000)
        lats = [fix.lat or 0.0 for fix in fixes]
        lons = [fix.lon or 0.0 for fix in fixes]
        times = [fix.time_us for fix in fixes]
        indexed, took = _timed(lambda: index.containing_many(lats, lons, times))  # noqa: B023
        best[0] = min(best[0], took)
        expected, took = _timed(lambda: plain(tree, ids, lats, lons))  # noqa: B023
        best[1] = min(best[1], took)
        _, took = _timed(lambda: enrich_fixes(index, states, fixes))  # noqa: B023
        best[2] = min(best[2], took)
        assert indexed == expected, "the index and shapely differ"
    index_us, plain_us, enrich_us = (seconds / batch * 1e6 for seconds in best)
    return Measured(len(zones), corners, batch, index_us, plain_us, enrich_us)


def measure_all(rounds: int = ROUNDS) -> Iterator[Measured]:
    """Every case with every size of batch."""
    for count, corners in CASES:
        source = random.Random(3)
        zones = [make_zone(number, corners, source) for number in range(count)]
        for batch in BATCH_SIZES:
            yield measure(zones, corners, batch, rounds)


def main() -> None:
    """Print a line for each measurement."""
    print(" zones corners  batch  index µs  plain µs  plain/index  enrich µs")
    for row in measure_all():
        print(
            f"{row.zones:6} {row.corners:7} {row.batch:6} {row.index_us:9.2f} {row.plain_us:9.2f}"
            f" {row.plain_us / row.index_us:12.2f} {row.enrich_us:10.2f}",
            flush=True,
        )


def _timed(work: Callable[[], object]) -> tuple[object, float]:
    start = perf_counter()
    result = work()
    return result, perf_counter() - start


def _never(problem: str) -> None:
    raise AssertionError(problem)


if __name__ == "__main__":
    main()
