"""Where something on a route is at a time: speed profile with stops and slower bends.

A route is smoothed, then each stretch between two of its points is driven with constant
acceleration; speeds at the points are limited by the bend, the cruising speed and what can be
reached by accelerating or braking (the usual forward and backward pass).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise
from typing import NamedTuple

from services.tools.fleet.routes import Route

METRES_A_DEGREE = 111_195.0
"""Of latitude, on a sphere of 6,371 km."""
KMH = 3.6
_STEP_M = 250.0
"""Longest stretch with one acceleration; long ones would never reach cruising speed."""


class Handling(NamedTuple):
    """What a kind of vehicle can do, in m/s²."""

    acceleration: float
    sideways: float


HANDLING = {"road": Handling(0.9, 1.8), "water": Handling(0.06, 0.10)}


class State(NamedTuple):
    """Where it is and how it moves."""

    lat: float
    lon: float
    speed_kmh: float
    course_deg: float
    """Where it heads, 0 ≤ course < 360; of a stop, the last one."""


class _Phase(NamedTuple):
    start_s: float
    distance_m: float
    speed: float
    acceleration: float


class Journey:
    """A route out and back, for ever. ``duration_s`` is the time of one round."""

    def __init__(self, route: Route) -> None:
        points = _smooth(route.points)
        stops = {stop.at: stop.seconds for stop in route.stops}
        out = _Track(points, route, stops)
        back = _Track(points[::-1], route, {1 - at: seconds for at, seconds in stops.items()})
        self._tracks = (out, back)
        self.duration_s = out.duration_s + back.duration_s

    def at(self, seconds: float) -> State:
        """The state at a time; any time, rounds repeat."""
        out, back = self._tracks
        seconds %= self.duration_s
        if seconds < out.duration_s:
            return out.at(seconds)
        return back.at(seconds - out.duration_s)


class _Track:
    def __init__(
        self, points: list[tuple[float, float]], route: Route, stops: dict[float, float]
    ) -> None:
        lengths = [_length(a, b) for a, b in pairwise(points)]
        distances = _running_sum(lengths)
        self._points, self._distances = points, distances
        total = distances[-1]
        halts = {round(at * total, 3): seconds for at, seconds in stops.items()}
        bends = _bend_limits(points, lengths, HANDLING[route.kind].sideways)
        cruise = route.cruise_kmh / KMH
        places = sorted({*distances, *halts, *_steps(total)})
        limits = [0.0 if place in halts else cruise for place in places]
        for place, limit in zip(distances, bends, strict=True):
            index = bisect_right(places, place) - 1
            limits[index] = min(limits[index], limit)
        acceleration = HANDLING[route.kind].acceleration
        speeds = _reachable(places, limits, acceleration)
        self._phases, self.duration_s = _phases(places, speeds, halts, acceleration)
        self._starts = [phase.start_s for phase in self._phases]

    def at(self, seconds: float) -> State:
        phase = self._phases[bisect_right(self._starts, seconds) - 1]
        run = seconds - phase.start_s
        speed = max(phase.speed + phase.acceleration * run, 0.0)
        distance = phase.distance_m + (phase.speed + speed) / 2 * run
        last = len(self._distances) - 2
        index = min(max(bisect_right(self._distances, distance) - 1, 0), last)
        (lon0, lat0), (lon1, lat1) = self._points[index : index + 2]
        start, end = self._distances[index : index + 2]
        share = min(max((distance - start) / (end - start), 0.0), 1.0)
        return State(
            lat0 + (lat1 - lat0) * share,
            lon0 + (lon1 - lon0) * share,
            speed * KMH,
            _bearing((lon0, lat0), (lon1, lat1)),
        )


def _smooth(points: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """Chaikin's corner cutting (1974), three times; the ends stay."""
    smooth = list(points)
    for _ in range(3):
        cut = [
            (a[0] * p + b[0] * (1 - p), a[1] * p + b[1] * (1 - p))
            for a, b in pairwise(smooth)
            for p in (0.75, 0.25)
        ]
        smooth = [smooth[0], *cut, smooth[-1]]
    return smooth


def _length(a: tuple[float, float], b: tuple[float, float]) -> float:
    east, north = _metres(a, b)
    return math.hypot(east, north)


def _metres(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """From a to b, east and north; flat within a few kilometres."""
    middle = math.radians((a[1] + b[1]) / 2)
    return (b[0] - a[0]) * METRES_A_DEGREE * math.cos(middle), (b[1] - a[1]) * METRES_A_DEGREE


def _bearing(a: tuple[float, float], b: tuple[float, float]) -> float:
    return math.degrees(math.atan2(*_metres(a, b))) % 360


def _running_sum(lengths: list[float]) -> list[float]:
    sums = [0.0]
    for length in lengths:
        sums.append(sums[-1] + length)
    return [round(value, 3) for value in sums]


def _steps(total: float) -> list[float]:
    count = math.ceil(total / _STEP_M)
    return [round(total * step / count, 3) for step in range(count + 1)]


def _bend_limits(
    points: list[tuple[float, float]], lengths: list[float], sideways: float
) -> list[float]:
    """Per point the speed at which its bend needs the given sideways acceleration."""
    limits = [math.inf] * len(points)
    for index in range(1, len(points) - 1):
        before, here, after = points[index - 1 : index + 2]
        turn = abs((_bearing(here, after) - _bearing(before, here) + 180) % 360 - 180)
        if turn:
            radius = min(lengths[index - 1 : index + 1]) / math.radians(turn)
            limits[index] = math.sqrt(sideways * radius)
    return limits


def _reachable(places: list[float], limits: list[float], acceleration: float) -> list[float]:
    speeds = limits[:]
    for order in (range(1, len(places)), range(len(places) - 2, -1, -1)):
        for index in order:
            neighbour = index - 1 if order.step > 0 else index + 1
            way = abs(places[index] - places[neighbour])
            reached = math.sqrt(speeds[neighbour] ** 2 + 2 * acceleration * way)
            speeds[index] = min(speeds[index], reached)
    return speeds


def _phases(
    places: list[float], speeds: list[float], halts: dict[float, float], acceleration: float
) -> tuple[list[_Phase], float]:
    phases: list[_Phase] = []
    clock = 0.0
    for index, (place, speed) in enumerate(zip(places, speeds, strict=True)):
        if place in halts:
            phases.append(_Phase(clock, place, 0.0, 0.0))
            clock += halts[place]
        if index + 1 == len(places):
            break
        way, after = places[index + 1] - place, speeds[index + 1]
        if speed + after < 1e-9:
            # From stop to stop: faster until half way, then slower.
            peak = math.sqrt(acceleration * way)
            phases.append(_Phase(clock, place, 0.0, acceleration))
            clock += peak / acceleration
            phases.append(_Phase(clock, place + way / 2, peak, -acceleration))
            clock += peak / acceleration
            continue
        duration = 2 * way / (speed + after)
        phases.append(_Phase(clock, place, speed, (after - speed) / duration))
        clock += duration
    return phases, clock
