"""Simulated tracks, and their hourly figures reckoned without the database."""

from __future__ import annotations

import itertools
import math
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 1, 5, 40, tzinfo=UTC)
RADIUS_M = 6_371_008.8


class Point(NamedTuple):
    """A fix, as far as the hourly figures need it."""

    terminal: str
    time: datetime
    lat: float | None
    lon: float | None
    speed_kmh: float | None
    zones: tuple[str, ...]


@dataclass(slots=True)
class Hour:
    """What an hour of a terminal should say."""

    fixes: int = 0
    distance_m: float = 0.0
    speeds: list[float] = field(default_factory=list)
    hazard_s: float = 0.0
    zone_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))


def simulate(seed: int, terminals: int = 5, fixes: int = 400) -> list[Point]:
    """Tracks in the order of time with lost fixes, gaps of minutes and of hours, zones that
    overlap, and one that crosses the antimeridian; times have fractions."""
    randomly = random.Random(seed)
    points = []
    for number in range(terminals):
        time, lat, lon = START, randomly.uniform(-60, 60), 179.99 if number == 0 else 120.0
        zones: tuple[str, ...] = ()
        for _ in range(fixes):
            gap = randomly.choices((10, 61.5, 1_700, 3_599, 3_601, 20_000), (70, 25, 2, 1, 1, 1))
            time += timedelta(seconds=gap[0])
            lat += randomly.uniform(-0.002, 0.002)
            lon += randomly.uniform(0, 0.004)
            lon -= 360 if lon > 180 else 0
            if randomly.random() < 0.1:
                zones = randomly.choice(
                    ((), (), ("port",), ("reef",), ("port", "reef"), ("slope",))
                )
            lost = randomly.random() < 0.05
            points.append(
                Point(
                    f"SHIP-{number}",
                    time,
                    None if lost else lat,
                    None if lost else lon,
                    None if lost or randomly.random() < 0.1 else round(randomly.uniform(0, 40), 2),
                    () if lost else zones,
                )
            )
    return points


def deliver(points: Sequence[Point], seed: int) -> list[Point]:
    """The points as a fleet may deliver them: some twice, a fifth of them far too late."""
    randomly = random.Random(seed)
    late = {index for index in range(len(points)) if randomly.random() < 0.2}
    in_time = [point for index, point in enumerate(points) if index not in late]
    held_back = [points[index] for index in late]
    randomly.shuffle(held_back)
    twice = randomly.sample(points, len(points) // 10)
    return [*in_time, *held_back, *twice]


def metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Great circle by the angle between unit vectors: another formula than the database's."""
    u, v = _unit(a), _unit(b)
    cross = (
        u[1] * v[2] - u[2] * v[1],
        u[2] * v[0] - u[0] * v[2],
        u[0] * v[1] - u[1] * v[0],
    )
    dot = sum(x * y for x, y in zip(u, v, strict=True))
    return RADIUS_M * math.atan2(math.hypot(*cross), dot)


def _unit(position: tuple[float, float]) -> tuple[float, float, float]:
    lat, lon = map(math.radians, position)
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


def hour_of(time: datetime) -> datetime:
    """When its hour began."""
    return time.replace(minute=0, second=0, microsecond=0)


def reckon(
    points: Iterable[Point], harmless: frozenset[str] = frozenset()
) -> Mapping[tuple[str, datetime], Hour]:
    """Figures by terminal and hour, from the points alone, each counted once."""
    hours: dict[tuple[str, datetime], Hour] = defaultdict(Hour)
    tracks: dict[str, list[Point]] = defaultdict(list)
    for point in sorted(set(points), key=lambda each: (each.terminal, each.time)):
        hour = hours[point.terminal, hour_of(point.time)]
        hour.fixes += 1
        if point.speed_kmh is not None:
            hour.speeds.append(point.speed_kmh)
        if point.lat is not None:
            tracks[point.terminal].append(point)
    for terminal, track in tracks.items():
        for before, after in itertools.pairwise(track):
            if after.time - before.time <= HOUR:
                _connect(hours, terminal, before, after, harmless)
    return hours


def _connect(
    hours: dict[tuple[str, datetime], Hour],
    terminal: str,
    before: Point,
    after: Point,
    harmless: frozenset[str],
) -> None:
    assert before.lat is not None
    assert before.lon is not None
    assert after.lat is not None
    assert after.lon is not None
    step = metres((before.lat, before.lon), (after.lat, after.lon))
    hours[terminal, hour_of(after.time)].distance_m += step
    start = before.time
    while start < after.time:
        end = min(after.time, hour_of(start) + HOUR)
        hour = hours[terminal, hour_of(start)]
        seconds = (end - start).total_seconds()
        for zone in before.zones:
            hour.zone_s[zone] += seconds
        if set(before.zones) - harmless:
            hour.hazard_s += seconds
        start = end
