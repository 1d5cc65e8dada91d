"""The positions of a stream's epochs: quality, precision, satellites, jumps, contradictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from services.model import Fix
from services.nmea.fix_quality import gga_quality, rmc_quality
from services.nmea.gga import GGA
from services.nmea.readings import Typed
from services.nmea.rmc import RMC
from services.tools.check_facts import Constellation, Disagreement, FixFacts, Jump, Place
from services.tools.check_histogram import Histogram
from services.tools.check_thresholds import DISAGREEMENT_DEG, JUMP_KMH
from services.zones.index import distance_m

SECOND_US = 1_000_000
KMH_PER_MS = 3.6
HUNDREDTHS = 100
MAX_EXAMPLES = 5
ROUNDING_DEG = 1e-9
"""What binary fractions may add to a difference of degrees."""


class FixFinds:
    """Takes the fixes of a stream in order. Bounded memory."""

    def __init__(self) -> None:
        self._qualities: Counter[str] = Counter()
        self._seconds_to_first: float | None = None
        self._hdop = Histogram()
        self._satellites = Histogram()
        self._told = 0
        self._using: Counter[str] = Counter()
        self._seeing: Counter[str] = Counter()
        self._previous: tuple[float, float] | None = None
        self._since_previous_us = 0
        self._steps = 0
        self._jumps = 0
        self._first_jumps: list[Jump] = []
        self._compared = 0
        self._disagreements = 0
        self._first_disagreements: list[Disagreement] = []

    def add(
        self, fix: Fix, sentences: Sequence[Typed], place: Place, step_us: int, elapsed_us: int
    ) -> None:
        """Take a fix: ``step_us`` after the epoch before, ``elapsed_us`` after the first."""
        self._qualities[fix.fix] += 1
        self._since_previous_us += step_us
        in_view = fix.satellites_in_view_by or {}
        self._seeing.update([name for name, count in in_view.items() if count])
        if fix.lat is None or fix.lon is None:
            return
        if self._seconds_to_first is None:
            self._seconds_to_first = elapsed_us / SECOND_US
        self._measure(fix)
        self._move((fix.lat, fix.lon), place)
        self._compare(sentences, place)

    def facts(self) -> FixFacts:
        """What was found."""
        names = sorted(self._using | self._seeing, key=lambda name: (-self._using[name], name))
        return FixFacts(
            qualities=dict(self._qualities.most_common()),
            located=self._qualities.total() - self._qualities["none"],
            seconds_to_first=self._seconds_to_first,
            hdop=self._hdop.spread(HUNDREDTHS),
            satellites_used=self._satellites.spread(),
            told_satellites=self._told,
            constellations=tuple(
                Constellation(name, self._using[name], self._seeing[name]) for name in names
            ),
            steps=self._steps,
            jumps=self._jumps,
            first_jumps=tuple(self._first_jumps),
            compared=self._compared,
            disagreements=self._disagreements,
            first_disagreements=tuple(self._first_disagreements),
        )

    def _measure(self, fix: Fix) -> None:
        if fix.hdop is not None:
            self._hdop.add(round(fix.hdop * HUNDREDTHS))
        if fix.satellites_used is not None:
            self._satellites.add(fix.satellites_used)
        if fix.satellites_used_by is not None:
            self._told += 1
            self._using.update([name for name, used in fix.satellites_used_by.items() if used])

    def _move(self, position: tuple[float, float], place: Place) -> None:
        previous, since_us = self._previous, self._since_previous_us
        self._previous, self._since_previous_us = position, 0
        if previous is None or since_us <= 0:
            return
        self._steps += 1
        distance = distance_m(*previous, *position)
        seconds = since_us / SECOND_US
        speed_kmh = distance / seconds * KMH_PER_MS
        if speed_kmh > JUMP_KMH:
            self._jumps += 1
            if len(self._first_jumps) < MAX_EXAMPLES:
                self._first_jumps.append(Jump(place, distance, seconds, speed_kmh))

    def _compare(self, sentences: Sequence[Typed], place: Place) -> None:
        degrees = rmc_gga_difference(sentences)
        if degrees is None:
            return
        self._compared += 1
        if degrees > DISAGREEMENT_DEG + ROUNDING_DEG:
            self._disagreements += 1
            if len(self._first_disagreements) < MAX_EXAMPLES:
                self._first_disagreements.append(Disagreement(place, degrees))


def rmc_gga_difference(sentences: Sequence[Typed]) -> float | None:
    """The largest difference in degrees between the positions of an epoch's RMC and GGA.

    None unless both are there with a position that they say is good.
    """
    positions: dict[type, list[tuple[float, float]]] = {RMC: [], GGA: []}
    for each in sentences:
        if isinstance(each, RMC) and rmc_quality(each) != "none":
            positions[RMC].append((each.lat or 0.0, each.lon or 0.0))
        elif isinstance(each, GGA) and gga_quality(each) != "none":
            positions[GGA].append((each.lat or 0.0, each.lon or 0.0))
    differences = [
        max(abs(lat - other_lat), _across(lon, other_lon))
        for lat, lon in positions[RMC]
        for other_lat, other_lon in positions[GGA]
    ]
    return max(differences, default=None)


def _across(lon: float, other: float) -> float:
    """Degrees between two longitudes, the short way round."""
    difference = abs(lon - other)
    return min(difference, 360 - difference)
