"""What all connections of a server share: the receive buffer, the bounds, the way to the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from services.ingest.door import Door
from services.ingest.identity import AcceptAll
from services.ingest.limits import BANNED, CONNECTIONS, IN_FLIGHT, Addresses, Bans
from services.ingest.metrics import IngestMetrics
from services.ingest.notices import Notices
from services.ingest.pace import PaceLimits
from services.ingest.publisher import Publisher
from services.ingest.rounds import Receipt
from services.ingest.session import Session
from services.ingest.settings import IngestSettings
from services.ingest.throttle import Throttle
from services.nmea.epoch import WholeBytes
from services.nmea.terminal import Outcomes
from services.runtime.audit import Audit

RECEIVE_BUFFER_BYTES = 64 << 10


def wall_clock_us() -> int:
    """Microseconds since 1970, by this machine's clock."""
    return time.time_ns() // 1000


class Ticked(Receipt, Protocol):
    """A connection to which ticks matter."""

    def tick(self, silent_ticks: int) -> bool:
        """A moment has passed (see Session.tick); whether the next one matters, too."""
        ...


class Member(Ticked, Protocol):
    """A connection, as the intake and the server see it; ``connection.Connection``."""

    due_s: float
    """When ``watch`` is to be called next."""

    def watch(self, now_s: float) -> None:
        """``due_s`` has come: see whether a limit of time is exceeded."""
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

    def rejudge(self) -> None:
        """The list of terminals has changed (see Session.rejudge)."""
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
        door: Door | None = None,
        clock_us: Callable[[], int] = wall_clock_us,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self.clock_us = clock_us
        self._clock_s = clock_s
        self.now_s = clock_s()
        """The time for limits. It moves with the ticks, so that reading costs no clock."""
        limits = settings.limits
        self.notices = Notices(metrics)
        self.addresses = Addresses(limits.unidentified_per_address, limits.new_per_address_per_s)
        self.bans = Bans(limits.ban_s)
        self.pace_limits = PaceLimits.of(limits)
        self.door = door or Door(AcceptAll(), Throttle(settings.login_failures), metrics, Audit())
        # One buffer for all: the loop asks for it, fills it and reports that in one go, and the
        # bytes are read before it turns to another connection. So an idle one owns no buffer.
        self.buffer = memoryview(bytearray(RECEIVE_BUFFER_BYTES))
        self.connections: set[Member] = set()
        self.ticking: set[Ticked] = set()
        """Those to which ticks matter: an epoch is open, or they are not read. They see to it
        themselves, so that a tick costs nothing for all the others."""
        self.acknowledged_lines = 0
        """Since the metric was told: it takes longer than the rest of an acknowledgement."""
        self._admitted = 0
        """Connections that are still to join."""
        self.holding = False
        """All connections together have too much waiting: nobody reads."""
        self.call_soon: Callable[[Callable[[], None]], object] = lambda call: call()
        """The loop's, once the server runs."""
        self._empty = asyncio.Event()
        self._empty.set()
        self._publisher = publisher
        self._run = run
        publisher.after_round = self._after_round
        self.door.is_banned = self._is_banned
        metrics.banned_terminals.set_function(lambda: len(self.bans))

    def new_session(self) -> Session:
        """The session of a new connection."""
        return Session(self.settings.session, self._run)

    def admit(self, address: str) -> bool:
        """Count a new connection in, which is to join at once or after its handshake; false if
        there are too many."""
        now_s = self._clock_s()
        if len(self.connections) + self._admitted >= self.settings.max_connections:
            limit: str | None = CONNECTIONS
        else:
            limit = self.addresses.admit(address, now_s)
        if limit is not None:
            self.metrics.connections_refused.inc()
            self.notices.exceeded(limit, now_s, address)
            return False
        self._admitted += 1
        return True

    def dismiss(self, connection: object, address: str) -> None:
        """One that was admitted will not join, if it has not done so: its handshake failed."""
        if connection not in self.connections:
            self._admitted -= 1
            self.addresses.settle(address)

    def join(self, connection: Member) -> None:
        """An admitted connection is open."""
        self._admitted -= 1
        self.connections.add(connection)
        self.metrics.connections_opened.inc()
        self.metrics.connections.inc()
        self._empty.clear()

    def leave(self, connection: Member) -> None:
        """Count a connection out that is closed; nothing if it never joined."""
        if connection in self.connections:
            self.connections.remove(connection)
            self.ticking.discard(connection)
            self.metrics.connections.dec()
        if not self.connections:
            self._empty.set()

    def tick(self, silent_ticks: int) -> None:
        """A moment has passed: let silent epochs leave, and hold connections to their times."""
        self.now_s = now_s = self._clock_s()
        for connection in list(self.ticking):
            if not connection.tick(silent_ticks):
                self.ticking.discard(connection)
        for connection in [each for each in self.connections if each.due_s <= now_s]:
            connection.watch(now_s)
        self.addresses.forget(now_s)
        self.bans.forget(now_s)

    def ban(self, terminal: str, address: str, *, proved: bool) -> None:
        """Shut a terminal out for a while."""
        self.bans.add(terminal, address, self.now_s, proved=proved)

    async def wait_empty(self) -> None:
        """Returns when no connection is open."""
        await self._empty.wait()

    def put(
        self, receipt: Receipt, durable: int, out: Outcomes | WholeBytes, read: int, pending: int
    ) -> int:
        """Queue outcomes for the log (see Round.add); returns the bytes that they hold until then.

        Above the bound every connection stops reading until half of it is left.
        """
        size = self._publisher.put(receipt, durable, out, read, pending)
        if not self.holding and self._publisher.waiting_bytes > self.settings.in_flight_bytes:
            self.holding = True
            self.notices.exceeded(IN_FLIGHT, self.now_s)
            for connection in self.connections:
                connection.hold()
        return size

    def count_acknowledged(self) -> None:
        """Tell the metric."""
        self.metrics.acknowledged_lines.inc(self.acknowledged_lines)
        self.acknowledged_lines = 0

    def _after_round(self) -> None:
        self.count_acknowledged()
        if self.holding and self._publisher.waiting_bytes <= self.settings.in_flight_bytes // 2:
            self.holding = False
            for connection in self.connections:
                connection.release()

    def _is_banned(self, terminal: str, address: str, *, proved: bool) -> bool:
        if not self.bans.holds(terminal, address, self.now_s, proved=proved):
            return False
        self.notices.exceeded(BANNED, self.now_s, address, terminal)
        return True
