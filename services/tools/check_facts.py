"""What ``dipper check`` finds in a stream: values only. ``--json`` writes them by these names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.tools.check_histogram import Spread


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the stream something was found."""

    file: str
    line: int
    """From 1 in its file; blank lines don't count."""
    time: str | None
    """RFC 3339, or ``hh:mm:ss.fff`` where no date was known; None for a line without an epoch."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """The lines that were rejected for one reason (see ``services.nmea.reasons``)."""

    reason: str
    count: int
    first: Place
    example: str
    """The first such line, escaped and cut."""


@dataclass(frozen=True, slots=True)
class LineFacts:
    """Bytes and lines. A physical line that holds several sentences counts as several lines."""

    bytes: int
    physical: int
    used: int
    control: int
    """The part of ``used`` that gave no record: logins and identification."""
    rejections: tuple[Rejection, ...]
    ends: Mapping[str, int]
    """How sentences end: ``crlf``, ``lf``, ``cr``. Only sentences with a checksum are counted."""
    over_limit: int
    """Sentences over 82 bytes with ``$`` and CR LF."""
    longest: int
    """Bytes of the longest sentence, CR LF included."""
    first_over_limit: Place | None
    lower_case_checksums: int
    without_checksum: int
    """Accepted without one, because that was allowed."""

    @property
    def rejected(self) -> int:
        """Rejected lines of all reasons."""
        return sum(rejection.count for rejection in self.rejections)

    def rejected_as(self, reason: str) -> int:
        """Rejected lines of one reason."""
        return sum(each.count for each in self.rejections if each.reason == reason)


@dataclass(frozen=True, slots=True)
class SentenceCount:
    """Accepted sentences of one talker and type."""

    talker: str
    """``P`` for proprietary sentences."""
    sentence: str
    count: int
    share: float
    """Of all accepted sentences, 0 to 1."""
    rate_hz: float | None
    """In event time: how many an epoch with a time, over the median interval between epochs. None
    without an interval."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A name by which the stream says whose it is."""

    kind: str
    """``login``, ``pgid``, ``gpfid``, ``devid``, ``imei``, ``prefix`` or ``tag``."""
    terminal: str
    count: int


@dataclass(frozen=True, slots=True)
class Constellation:
    """How far the fixes lean on one constellation."""

    name: str
    fixes_using: int
    """Fixes with satellites of it among those used (GSA)."""
    fixes_seeing: int
    """Fixes with satellites of it in view (GSV)."""


@dataclass(frozen=True, slots=True)
class Gap:
    """An interval in which at least one epoch is missing."""

    end: Place
    """The epoch that ends it."""
    seconds: float


@dataclass(frozen=True, slots=True)
class StepBack:
    """An epoch with an earlier time than the one before it."""

    place: Place
    seconds: float


@dataclass(frozen=True, slots=True)
class EpochFacts:
    """Epochs and their times."""

    count: int
    undated: int
    first_dated: Place | None
    interval_s: Spread | None
    """Of the intervals forward in time."""
    intervals: int
    irregular: int
    """Intervals that differ from the median by more than half of it."""
    gaps: int
    longest_gaps: tuple[Gap, ...]
    """The longest few, in the order of the stream."""
    steps_back: int
    first_steps_back: tuple[StepBack, ...]
    duplicates: int
    """Epochs whose time an epoch not long before had."""
    midnights: int
    usual_order: tuple[str, ...]
    """The kinds of sentence in the most frequent order of their first appearance."""
    other_order: int
    """Epochs that have some of these kinds in another order."""


@dataclass(frozen=True, slots=True)
class Jump:
    """A step between two fixes that no vehicle or ship makes."""

    place: Place
    distance_m: float
    seconds: float
    speed_kmh: float


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An epoch whose RMC and GGA give different positions."""

    place: Place
    degrees: float
    """The larger of the differences in latitude and longitude."""


@dataclass(frozen=True, slots=True)
class FixFacts:
    """What the epochs say about position."""

    qualities: Mapping[str, int]
    """Epochs by fix quality, ``none`` included."""
    located: int
    """Fixes with a position."""
    seconds_to_first: float | None
    """From the first epoch to the first position, in event time; None if there is none."""
    hdop: Spread | None
    satellites_used: Spread | None
    told_satellites: int
    """Fixes with a position whose GSA says which satellites were used."""
    constellations: tuple[Constellation, ...]
    steps: int
    """Pairs of consecutive fixes between which time passed."""
    jumps: int
    first_jumps: tuple[Jump, ...]
    compared: int
    """Epochs with a position from both RMC and GGA."""
    disagreements: int
    first_disagreements: tuple[Disagreement, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a report is made of."""

    files: tuple[str, ...]
    allow_missing_checksum: bool
    lines: LineFacts
    sentences: tuple[SentenceCount, ...]
    """The most frequent first."""
    talkers: Mapping[str, int]
    identities: tuple[Identity, ...]
    epochs: EpochFacts
    fixes: FixFacts

    @property
    def accepted(self) -> int:
        """Accepted sentences."""
        return sum(self.talkers.values())
