"""What a load generator is told on its command line, and what it tells."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import NamedTuple

from services.tools.fleet import Faults
from services.tools.fleet.faults import NO_FAULTS


@dataclass(frozen=True, slots=True)
class Load:
    """What one generator does."""

    host: str
    port: int
    terminals: int
    first_terminal: int
    """Number of the first; names are ``L00001`` …"""
    rate: float
    """Fixes a second, all terminals together; each fix is RMC and GGA."""
    seconds: float | None = None
    """Stop by itself after that time."""
    acknowledged: bool = False
    full: bool = False
    """Send GSA and GSV, too: eight to ten lines a fix instead of two."""
    faults: Faults = NO_FAULTS
    seed: int = 1
    remember_s: float = 0.0
    """For ``drop``."""


class Progress(NamedTuple):
    """Where a generator is."""

    seconds: float
    """Since ``go``."""
    fixes: int
    """Handed to the connections so far, each counted once."""
    held_back: int
    """Due, but their connections are full or gone."""
    late_s: float
    """How far the generator itself was behind its schedule, at worst since the last report."""
    cpu_s: float
    """Processor time since ``go``."""
    resent: int = 0
    """Fixes that were sent once more."""
    refused: int = 0
    """Attempts to connect again that failed."""
    reconnected: int = 0
    """Terminals that are back after ``drop``."""
    logins_s: tuple[float, ...] = ()
    """After ``drop``: median, 99th percentile and longest time from connecting to the answer, and
    the time from the drop until all were back. Empty before."""


def command(load: Load) -> list[str]:
    """The command that starts a generator for this load."""
    return [sys.executable, "-m", "loadtests.generator", json.dumps(asdict(load))]


def load_from(text: str) -> Load:
    """What ``command`` wrote."""
    values = json.loads(text)
    return Load(**{**values, "faults": Faults(*values["faults"])})
