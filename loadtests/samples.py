"""What a run gave, as values: one sample a second and the sums at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from loadtests.metrics import Scrape
from loadtests.orders import Progress
from loadtests.processes import Usage
from services.tools.fleet import Faults
from services.tools.fleet.faults import NO_FAULTS


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How much load for how long."""

    rate: float = 10_000
    """Fixes a second of the whole fleet."""
    terminals: int = 2_000
    seconds: float = 60
    generators: int = 1
    """Processes that generate the load."""
    log: str = "embedded"
    """``embedded``: dipper up; ``kafka``: the three services on Kafka and TimescaleDB."""
    acknowledged: bool = False
    """Terminals ask for acknowledgements."""
    full: bool = False
    """GSA and GSV besides RMC and GGA."""
    faults: Faults = NO_FAULTS
    seed: int = 1
    remember_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment of the run."""

    seconds: float
    """Since the load began."""
    load: Progress
    stored: float
    """Fixes that are rows by now."""
    parts: dict[str, Usage]
    """``services`` and ``postgres``, on Kafka each service and each engine."""
    machine_cpu_s: float = 0.0
    """Of everything that runs on the machine."""
    scrape: Scrape = field(default_factory=lambda: Scrape({}, {}))

    @property
    def backlog(self) -> float:
        """Fixes that are due and not stored; what the generator holds back counts as lag."""
        return self.load.fixes + self.load.held_back - self.stored


@dataclass(slots=True)
class Run:
    """All that a run gave, to be worked out afterwards."""

    options: LoadOptions
    samples: list[Sample] = field(default_factory=list)
    before: Scrape = field(default_factory=lambda: Scrape({}, {}))
    after: Scrape = field(default_factory=lambda: Scrape({}, {}))
    sent: int = 0
    """Fixes, each counted once."""
    resent: int = 0
    rows: int = 0
    """In the database at the end, of all terminals."""
    drain_s: float = 0.0
    ledger: dict[str, Any] = field(default_factory=dict)


def between(samples: Sequence[Sample], start_s: float, end_s: float) -> Sequence[Sample]:
    """Those of a stretch of time."""
    return [sample for sample in samples if start_s <= sample.seconds < end_s]
