"""Connections without sockets, clocks that tests turn, for the tests of ingest's limits."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry

from services.ingest.connection import Connection
from services.ingest.door import Door
from services.ingest.intake import Intake
from services.ingest.metrics import IngestMetrics
from services.ingest.publisher import Publisher
from services.ingest.rounds import Receipt, Round
from services.ingest.settings import IngestSettings
from services.log.memory import MemoryLog
from services.nmea.terminal import Outcomes

TICK_S = 0.25


class FakeTransport(asyncio.Transport):
    """Remembers what it was told."""

    def __init__(self, address: str = "10.0.0.1") -> None:
        super().__init__()
        self.reading = True
        self.closed = False
        self.sent = b""
        self.write_buffer_bytes: int | None = None
        self._address = address

    def get_extra_info(self, name: str, default: object = None) -> object:
        return (self._address, 4711) if name == "peername" else default

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.write_buffer_bytes = high

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


class Peer:
    """A connection and its transport, as a client would use them."""

    def __init__(self, bench: Bench, address: str) -> None:
        self.transport = FakeTransport(address)
        self.connection = Connection(bench.intake)
        self.connection.connection_made(self.transport)
        self._bench = bench

    @property
    def closed(self) -> bool:
        """Whether the server has closed it; what was put counts as published at once."""
        self._bench.publisher.publish()
        return self.transport.closed

    def send(self, data: bytes) -> None:
        """Hand data over as the loop does, whether or not reading is paused."""
        for start in range(0, len(data), 1000):
            piece = data[start : start + 1000]
            self.connection.get_buffer(-1)[: len(piece)] = piece
            self.connection.buffer_updated(len(piece))

    def lose(self) -> None:
        """The connection is gone."""
        self.connection.connection_lost(None)


class HeldPublisher(Publisher):
    """Publishes what it has when it is told to."""

    def __init__(self, settings: IngestSettings, metrics: IngestMetrics) -> None:
        super().__init__(settings, MemoryLog(), metrics, "run")
        self.waiting: list[Round] = []
        """Of one delivery each."""
        self.rejected: dict[str, int] = {}
        """Lines by reason, since the beginning."""
        self.fixes = 0

    def put(self, receipt: Receipt, durable: int, out: Outcomes, read: int, pending: int) -> int:
        one = Round()
        size = one.add(receipt, durable, out, read, pending)
        self.waiting.append(one)
        self.waiting_bytes += size
        self.fixes += len(one.fixes)
        for reason, lines in one.rejected.items():
            self.rejected[reason] = self.rejected.get(reason, 0) + lines
        return size

    def publish(self) -> None:
        """All that waits is durable."""
        taken, self.waiting = self.waiting, []
        for one in taken:
            for receipt, settled in one.settled.items():
                self.waiting_bytes -= settled.size
                receipt.published(*settled)
        self.after_round()


class Bench:
    """An intake with a clock that stands still until ``wait`` turns it."""

    def __init__(self, settings: IngestSettings, door: Door | None = None) -> None:
        self.registry = CollectorRegistry()
        self.now_s = 1_000.0
        metrics = IngestMetrics(self.registry)
        self.publisher = HeldPublisher(settings, metrics)
        self.intake = Intake(
            settings,
            self.publisher,
            metrics,
            "run",
            door,
            clock_us=lambda: int(self.now_s * 1e6),
            clock_s=lambda: self.now_s,
        )

    def connect(self, address: str = "10.0.0.1") -> Peer:
        """One more connection."""
        return Peer(self, address)

    def wait(self, seconds: float) -> None:
        """Let time pass, tick by tick."""
        for _ in range(round(seconds / TICK_S)):
            self.now_s += TICK_S
            self.intake.tick(9)

    def exceeded(self, limit: str) -> float | None:
        """How often the limit was exceeded, by the metric."""
        return self.registry.get_sample_value("dipper_limits_exceeded_total", {"limit": limit})

    def value(self, name: str) -> float | None:
        """A metric without labels."""
        return self.registry.get_sample_value(name)
