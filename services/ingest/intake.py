"""What all connections of a server share: the receive buffer, the bounds, the way to the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from services.ingest.delivery import Receipt, encode
from services.ingest.identity import Authenticate, accept_all
from services.ingest.metrics import IngestMetrics
from services.ingest.publisher import Publisher
from services.ingest.session import Session
from services.ingest.settings import IngestSettings
from services.nmea.terminal import Outcomes

RECEIVE_BUFFER_BYTES = 64 << 10


def wall_clock_us() -> int:
    """Microseconds since 1970, by this machine's clock."""
    return time.time_ns() // 1000


class Member(Receipt, Protocol):
    """A connection, as the intake and the server see it; ``connection.Connection``."""

    def tick(self, silent_ticks: int) -> None:
        """A moment has passed (see Session.tick)."""
        ...

    def finish(self, *, clean: bool) -> None:
        """No more bytes are read; what is open leaves or is given up (see Session.end)."""
        ...

    def close(self) -> None:
        """Close once the replies are sent."""
        ...

    def abort(self) -> None:
        """Close now."""
        ...

    def hold(self) -> None:
        """Stop reading: all connections together have too much waiting."""
        ...

    def release(self) -> None:
        """Read again, unless the connection has reasons of its own not to."""
        ...


class Intake:
    """One per server. ``connections`` holds those that are open."""

    def __init__(
        self,
        settings: IngestSettings,
        publisher: Publisher,
        metrics: IngestMetrics,
        run: str,
        authenticate: Authenticate = accept_all,
        clock_us: Callable[[], int] = wall_clock_us,
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self.clock_us = clock_us
        # One buffer for all: the loop asks for it, fills it and reports that in one go, and the
        # bytes are read before it turns to another connection. So an idle one owns no buffer.
        self.buffer = memoryview(bytearray(RECEIVE_BUFFER_BYTES))
        self.connections: set[Member] = set()
        self.holding = False
        """All connections together have too much waiting: nobody reads."""
        self._empty = asyncio.Event()
        self._empty.set()
        self._publisher = publisher
        self._run = run
        self._authenticate = authenticate
        publisher.after_round = self._after_round

    def new_session(self) -> Session:
        """The session of a new connection."""
        return Session(self.settings.session, self._run, self._authenticate)

    def join(self, connection: Member) -> bool:
        """Count a new connection in; false if there are too many."""
        if len(self.connections) >= self.settings.max_connections:
            self.metrics.connections_refused.inc()
            return False
        self.connections.add(connection)
        self.metrics.connections_opened.inc()
        self.metrics.connections.inc()
        self._empty.clear()
        return True

    def leave(self, connection: Member) -> None:
        """Count a connection out that is closed; nothing if it never joined."""
        if connection in self.connections:
            self.connections.remove(connection)
            self.metrics.connections.dec()
        if not self.connections:
            self._empty.set()

    async def wait_empty(self) -> None:
        """Returns when no connection is open."""
        await self._empty.wait()

    def put(self, receipt: Receipt, durable: int, out: Outcomes, read: int, pending: int) -> int:
        """Queue outcomes for the log; returns the bytes that they hold until then.

        Above the bound every connection stops reading until half of it is left.
        """
        delivery = encode(receipt, durable, out, read, pending)
        self._publisher.put(delivery)
        if not self.holding and self._publisher.waiting_bytes > self.settings.in_flight_bytes:
            self.holding = True
            for connection in self.connections:
                connection.hold()
        return delivery.size

    def _after_round(self) -> None:
        if self.holding and self._publisher.waiting_bytes <= self.settings.in_flight_bytes // 2:
            self.holding = False
            for connection in self.connections:
                connection.release()
