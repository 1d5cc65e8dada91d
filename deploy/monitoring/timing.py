"""The durations in rules: real ones for operators, short ones for tests of the same rules."""

from __future__ import annotations

from typing import NamedTuple


class Timing(NamedTuple):
    """All in seconds. The defaults are those of the committed rules."""

    recent: float = 300
    """What rates and shares are taken over."""
    while_away: float = 120
    """Within this, something that is away makes itself felt: longer than any time limit."""
    usual: float = 3_600
    """How far back lies what the present is compared with."""
    soon: float = 60
    """How long a condition holds before an alert that nobody should wait for."""
    settled: float = 180
    """The same, for what may pass by itself: longer than ``while_away``."""
    later: float = 600
    """The same, for what can wait."""
    slow: float = 10
    """A latency that users notice."""
    behind: float = 60
    """A lag worth so many seconds of the fleet's fixes is too long."""
    stale: float = 600
    """A figure that is older says nothing any more."""


def duration(seconds: float) -> str:
    """As Prometheus writes it: ``5m``, ``1h``, ``1s500ms`` as ``1500ms``."""
    if seconds != int(seconds):
        return f"{round(seconds * 1000)}ms"
    whole = int(seconds)
    for size, unit in ((3_600, "h"), (60, "m")):
        if whole and whole % size == 0:
            return f"{whole // size}{unit}"
    return f"{whole}s"
