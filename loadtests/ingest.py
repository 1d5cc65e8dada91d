"""What ingest's Python costs a fix, without sockets: python -m loadtests ingest.

Connections get the bytes that a loop would read for them, each an epoch a second, as fleets send;
outcomes go through the publisher to a log that only counts. The loop's sockets and the log are
left out.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from time import process_time
from typing import NamedTuple
from unittest.mock import patch

from prometheus_client import CollectorRegistry

from loadtests import python_only
from loadtests.load import LoadError
from loadtests.report import PYTHON, Report
from services.ingest.claims import Claims
from services.ingest.connection import Connection
from services.ingest.intake import Intake
from services.ingest.metrics import IngestMetrics
from services.ingest.pace import Pace
from services.ingest.publisher import Publisher
from services.ingest.settings import IngestSettings, LimitSettings
from services.log.base import FIX, Entry
from services.log.memory import MemoryLog
from services.nmea import core
from services.runtime.process import COLLECT_THRESHOLDS
from services.tools.fleet import make_fleet
from services.tools.fleet.prepared import epoch, moment, prepare
from services.tools.sentence import sentence

UNGUARDED = "no limits, no metrics"
CONNECTIONS = (10, 1_000, 10_000)
READS = 20_000
"""Of one measurement, at least."""
ROUND_READS = 1_000
"""The publisher gets its turn after so many, or after each second of a larger fleet."""
TICKS_A_SECOND = 4
SILENT_TICKS = 9
WITHOUT_TICKS_S = 1e9
"""Where ticks are left out, time stands still for the limits and then jumps."""
LEARNING_S = 4
"""By then the cycle of every receiver is known."""
START_US = 1_735_700_000_000_000
SECOND_US = 1_000_000
TRACKS = 100
"""Vehicles whose data the connections share."""
TRACK_S = 300


class Cost(NamedTuple):
    """Microseconds a fix."""

    reading: float
    publishing: float
    ticking: float
    """Four times a second each connection is asked whether anything is due."""


class _Drain(MemoryLog):
    """A log that takes everything and keeps nothing."""

    fixes = 0

    async def append(
        self, topic: str, entries: Sequence[Entry], *, partition: int | None = None
    ) -> Mapping[int, int]:
        if topic == FIX:
            self.fixes += len(entries)
        return {0: len(entries)}


class _Transport(asyncio.Transport):
    """Of the terminal with this number; what is sent to it is gone."""

    def __init__(self, number: int) -> None:
        super().__init__({"peername": (f"10.0.{number >> 8}.{number & 255}", 10110)})

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def is_closing(self) -> bool:
        return False


class _Fleet:
    """Connections that are logged in, and the clock by which they send.

    What they have waiting stays below the bound of an intake, which so need not hear of rounds.
    """

    def __init__(self, connections: int) -> None:
        self.now_s = 0.0
        self.log = _Drain()
        limits = LimitSettings(idle_s=WITHOUT_TICKS_S)
        settings = IngestSettings(linger_s=0.0, limits=limits)
        metrics = IngestMetrics(CollectorRegistry())
        self.publisher = Publisher(settings, self.log, metrics, "ingest")
        self._intake = Intake(
            settings,
            self.publisher,
            metrics,
            "ingest",
            clock_us=lambda: START_US + int(self.now_s * SECOND_US),
            clock_s=lambda: self.now_s,
        )
        self.publisher.after_round = self._after_round
        self._is_empty = asyncio.Event()
        self._tracks = [prepare(one, START_US, TRACK_S) for one in make_fleet(TRACKS, 0)]
        self._connections = [Connection(self._intake) for _ in range(connections)]
        for number, connection in enumerate(self._connections):
            connection.connection_made(_Transport(number))
            self._send(connection, sentence(b"PDPR,LOGIN,T-%05d" % number))

    async def pass_time(self, seconds: int) -> Cost:
        """So many epochs of each. Raises LoadError if a fix is missing in the end."""
        fixes = seconds * len(self._connections)
        expected = self.log.fixes + fixes
        a_turn = -(-ROUND_READS // len(self._connections))
        turns = [
            await self._turn(min(a_turn, seconds - done)) for done in range(0, seconds, a_turn)
        ]
        if self.log.fixes != expected:
            raise LoadError(f"{self.log.fixes:,} of {expected:,} fixes reached the log")
        return Cost(*(sum(part) / fixes * 1e6 for part in zip(*turns, strict=True)))

    async def _turn(self, seconds: int) -> tuple[float, float, float]:
        """So many epochs of each, published together: the seconds of CPU that each part took."""
        epochs = [self._epochs(round(self.now_s) + second) for second in range(seconds)]
        start = process_time()
        for each in epochs:
            for connection, data in zip(self._connections, each, strict=True):
                self._send(connection, data)
        read = process_time()
        self._is_empty.clear()
        await self._is_empty.wait()
        published = process_time()
        for _ in range(TICKS_A_SECOND * seconds):
            self._intake.tick(SILENT_TICKS)
        self.now_s += seconds
        return read - start, published - read, process_time() - published

    def _epochs(self, second: int) -> list[bytes]:
        now = moment(START_US + second * SECOND_US)
        different = [epoch(track[second % TRACK_S], now) for track in self._tracks]
        return [different[number % TRACKS] for number in range(len(self._connections))]

    def _after_round(self) -> None:
        if not self.publisher.waiting_bytes:
            self._is_empty.set()

    def _send(self, connection: Connection, data: bytes) -> None:
        connection.get_buffer(-1)[: len(data)] = data
        connection.buffer_updated(len(data))


@asynccontextmanager
async def _fleet(connections: int) -> AsyncIterator[_Fleet]:
    made = _Fleet(connections)
    publishing = asyncio.create_task(made.publisher.run())
    try:
        await made.pass_time(LEARNING_S)
        yield made
    finally:
        publishing.cancel()
        with suppress(asyncio.CancelledError):
            await publishing


@contextmanager
def _unguarded() -> Iterator[None]:
    """Without what limits and metrics cost a read and a round."""
    with (
        patch.object(Pace, "heard", lambda *_, **__: False),
        patch.object(Claims, "holds", lambda *_: True),
        patch.object(Publisher, "_count", lambda *_: None),
        # It also lets epochs leave after a silence, of which there is none here.
        patch.object(Intake, "tick", lambda *_: None),
    ):
        yield


async def ingest(rounds: int, command: str) -> Report:
    """Each size of fleet in turn, with and without the compiled core. Raises LoadError."""
    report = Report("ingest", command)
    # As in a service.
    gc.set_threshold(*COLLECT_THRESHOLDS)
    for connections in CONNECTIONS:
        seconds = -(-READS // connections)
        compiled: list[Cost] = []
        python: list[Cost] = []
        unguarded: list[Cost] = []
        async with _fleet(connections) as fleet:
            for _ in range(rounds):
                compiled.append(await fleet.pass_time(seconds))
                with _unguarded():
                    unguarded.append(await fleet.pass_time(seconds))
                with python_only.decoding():
                    python.append(await fleet.pass_time(seconds))
        name = f"{connections:,} connections"
        total = _least(report, f"{name}, {core.ABOUT}", compiled)
        for way, costs in ((PYTHON, python), (UNGUARDED, unguarded)):
            other = _least(report, f"{name}, {way}", costs)
            report.add(f"{name}, {core.ABOUT}", total, "µs/fix", way, other / total)
            report.add(f"{name}, {way}", other, "µs/fix")
    report.notes.append("The least of the rounds. No sockets, and a log that only counts.")
    return report


def _least(report: Report, name: str, costs: list[Cost]) -> float:
    """Microseconds a fix in the best round, of whose parts a note tells."""
    least = min(costs, key=sum)
    report.notes.append(
        f"{name}: reading {least.reading:.2f}, to the log {least.publishing:.2f}, "
        f"ticks {least.ticking:.2f} µs a fix"
    )
    return sum(least)
