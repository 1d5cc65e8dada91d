"""Terminals: a receiver that moves along a route, and the captures that it leaves."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from services.tools.fleet.faults import NO_FAULTS, Faults, with_faults
from services.tools.fleet.motion import METRES_A_DEGREE, Journey, State
from services.tools.fleet.receiver import RECEIVERS, SECOND_US, Epoch, Receiver, write_epoch
from services.tools.fleet.routes import Route, routes


class Wave(NamedTuple):
    """One slow oscillation: noise that is smooth and can be asked for at any time."""

    amplitude: float
    period_s: float
    phase: float

    def at(self, seconds: float) -> float:
        return self.amplitude * math.sin(2 * math.pi * seconds / self.period_s + self.phase)

    def slope(self, seconds: float) -> float:
        """Its change a second."""
        angle = 2 * math.pi / self.period_s
        return self.amplitude * angle * math.cos(angle * seconds + self.phase)


class Terminal(NamedTuple):
    """A vehicle or a ship with its receiver."""

    name: str
    kind: Literal["vehicle", "ship"]
    route: Route
    receiver: Receiver
    rate_hz: int
    """Epochs a second."""
    phase_s: float
    """Where in its round it was at 1970-01-01."""
    hurry: Wave
    """Seconds that it is ahead of the plan: drivers are no clocks."""
    east: tuple[Wave, ...]
    """Position error in metres."""
    north: tuple[Wave, ...]
    altitude_m: float


def make_fleet(vehicles: int, ships: int, seed: int = 1, rate_hz: int = 1) -> list[Terminal]:
    """A fleet with ids V001 … and S001 …; the same seed gives the same fleet.

    Routes and receivers are dealt round, so even a small fleet has all of them.
    """
    deal = random.Random(seed)
    return [
        _terminal(deal, "vehicle", "road", f"V{number:03}", number, rate_hz)
        for number in range(1, vehicles + 1)
    ] + [
        _terminal(deal, "ship", "water", f"S{number:03}", number, rate_hz)
        for number in range(1, ships + 1)
    ]


def state(terminal: Terminal, time_us: int) -> State:
    """Where the terminal truly is, its receiver's error apart."""
    seconds = time_us / SECOND_US
    journey = _journey(terminal.route)
    found = journey.at(terminal.phase_s + seconds + terminal.hurry.at(seconds))
    return found._replace(speed_kmh=found.speed_kmh * (1 + terminal.hurry.slope(seconds)))


def sentences(terminal: Terminal, time_us: int) -> bytes:
    """What the receiver sends at a time (microseconds since 1970): one epoch."""
    return write_epoch(terminal.receiver, _epoch(terminal, time_us))


def capture(
    terminal: Terminal, start_us: int, seconds: int, faults: Faults = NO_FAULTS
) -> Iterator[bytes]:
    """The epochs of a stretch of time in the order in which they are sent."""
    step_us = SECOND_US // terminal.rate_hz
    epochs = (
        sentences(terminal, start_us + number * step_us)
        for number in range(seconds * terminal.rate_hz)
    )
    return with_faults(epochs, faults, f"{terminal.name} {start_us}")


def write_captures(
    folder: Path,
    fleet: Sequence[Terminal],
    start_us: int,
    seconds: int,
    faults: Faults = NO_FAULTS,
) -> list[Path]:
    """One capture file a terminal, ``<name>.nmea`` in the folder. Raises OSError."""
    paths = []
    for terminal in fleet:
        path = folder / f"{terminal.name}.nmea"
        with path.open("wb") as file:
            file.writelines(capture(terminal, start_us, seconds, faults))
        paths.append(path)
    return paths


@lru_cache(maxsize=64)
def _journey(route: Route) -> Journey:
    return Journey(route)


def _terminal(
    deal: random.Random,
    kind: Literal["vehicle", "ship"],
    surface: Literal["road", "water"],
    name: str,
    number: int,
    rate_hz: int,
) -> Terminal:
    ways = routes(surface)
    route = ways[(number - 1) % len(ways)]
    return Terminal(
        name=name,
        kind=kind,
        route=route,
        receiver=RECEIVERS[(number - 1) % len(RECEIVERS)],
        rate_hz=rate_hz,
        phase_s=deal.uniform(0, _journey(route).duration_s),
        hurry=Wave(deal.uniform(1, 4), deal.uniform(150, 400), deal.uniform(0, 6.28)),
        east=_noise(deal),
        north=_noise(deal),
        altitude_m=deal.uniform(8, 40) if kind == "vehicle" else deal.uniform(1, 6),
    )


def _noise(deal: random.Random) -> tuple[Wave, ...]:
    return (
        Wave(1.2, deal.uniform(200, 600), deal.uniform(0, 6.28)),
        Wave(0.4, deal.uniform(20, 60), deal.uniform(0, 6.28)),
    )


def _epoch(terminal: Terminal, time_us: int) -> Epoch:
    seconds = time_us / SECOND_US
    true = state(terminal, time_us)
    east = sum(wave.at(seconds) for wave in terminal.east)
    north = sum(wave.at(seconds) for wave in terminal.north)
    measured = true._replace(
        lat=true.lat + north / METRES_A_DEGREE,
        lon=true.lon + east / (METRES_A_DEGREE * math.cos(math.radians(true.lat))),
    )
    swell = 0.5 * math.sin(seconds / 1.5) if terminal.kind == "ship" else 0.0
    return Epoch(
        time_us=time_us,
        state=measured,
        altitude_m=terminal.altitude_m + north + swell,
        hdop=0.7 + abs(east) / 5,
        ship=terminal.kind == "ship",
    )
