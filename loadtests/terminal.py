"""One terminal of a load: its connection, what waits for it, and what it would send again."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

from loadtests.connection import Connection
from loadtests.track import Track
from services.tools.fleet import Faults, FaultyLink
from services.tools.fleet.faults import NO_FAULTS
from services.tools.fleet.prepared import Moment

SOURCES = 250
"""Terminals come from so many loopback addresses, as those of several carriers would."""
RETRY_S = 0.2
LOGIN_TIMEOUT_S = 20.0
"""After that a terminal hangs up and tries again."""


class Manners(NamedTuple):
    """How all terminals of a load behave."""

    acknowledged: bool = False
    """Ask for acknowledgements, and send what has none again on a new connection."""
    faults: Faults = NO_FAULTS
    seed: int = 1
    remember_us: int = 0
    """Keep the epochs of the newest so many microseconds, to send them again after a drop."""


class Kept(NamedTuple):
    """An epoch that was sent."""

    time_us: int
    data: bytes


class Terminal:
    """A terminal whose epochs wait in it while its connection is full or gone."""

    def __init__(self, number: int, name: str, track: Track, manners: Manners) -> None:
        self.name = name
        self.number = number
        self.made = 0
        """Epochs that were due, whether sent or waiting."""
        self.waiting: deque[Kept] = deque()
        self.resent = 0
        """Epochs that were sent once more."""
        self.refused = 0
        """Connections that broke before the login was answered."""
        self.connected = False
        self.recent: deque[Kept] = deque()
        self.unacknowledged: deque[tuple[int, Kept]] = deque()
        """With the number of the last line on this connection, as the server counts."""
        self.manners = manners
        self._track, self._place = track, number
        faulty = manners.faults != NO_FAULTS
        self._link = FaultyLink(manners.faults, f"{manners.seed} {name}") if faulty else None
        self._connection: Connection | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._address = ("", 0)
        self._failure: str | None = None
        self._resends: deque[Kept] = deque()
        self._lines = 0

    @property
    def fixes(self) -> int:
        """Epochs that were handed to the connection."""
        return self.made - len(self.waiting)

    async def connect(self, host: str, port: int, *, again: bool = False) -> None:
        """Connect, log in, and send first what may not have arrived; ``again`` sends everything
        of the remembered time. Raises OSError, ConnectionError, TimeoutError."""
        source = (f"127.0.0.{2 + self.number % SOURCES}", 0) if host.startswith("127.") else None
        loop = asyncio.get_running_loop()
        self._address = (host, port)
        connection = Connection(self, acknowledged=self.manners.acknowledged)
        try:
            async with asyncio.timeout(LOGIN_TIMEOUT_S):
                await loop.create_connection(lambda: connection, host, port, local_addr=source)
                await connection.logged_in
        except OSError:
            connection.abort()
            raise
        self._resends = deque(self._to_resend(again=again))
        self.resent += len(self._resends)
        self.unacknowledged.clear()
        self._connection = connection
        self.connected = True
        self._lines = 2 if self.manners.acknowledged else 1
        self.send_waiting()

    async def reconnect(self, *, again: bool = False) -> None:
        """Connect until it works."""
        while not self.connected:
            try:
                await self.connect(*self._address, again=again)
            except OSError:
                self.refused += 1
                await asyncio.sleep(RETRY_S)

    def lost(self, connection: Connection) -> None:
        """The server ended a connection."""
        if connection is not self._connection or not self.connected:
            return
        self.connected = False
        if self.manners.acknowledged:
            self._renewing = asyncio.create_task(self.reconnect())
        else:
            self._failure = "the server closed the connection in the middle"

    def send(self, time_us: int, now: Moment) -> None:
        """One epoch of this time is due."""
        self._place += 1
        data = self._track.epoch(self._place, time_us, now)
        if self._link is None:
            self._pass(Kept(time_us, data))
            return
        epochs, reconnect = self._link.feed(data)
        if reconnect and self._renewing is None and self.connected:
            self._renewing = asyncio.create_task(self._renew())
        for one in epochs:
            self._pass(Kept(time_us, one))

    def drop(self) -> None:
        """Break the connection as a lost network does; what is under way may be lost."""
        self.connected = False
        if self._connection is not None:
            self._connection.abort()

    async def finish(self) -> None:
        """Send what is held, end the connection, wait for the server to end it, too.

        Raises ConnectionError if that leaves something unacknowledged.
        """
        for data in self._link.finish() if self._link else ():
            self._pass(Kept(0, data))
        if self._renewing is not None:
            await self._renewing
        if self._failure:
            raise ConnectionError(f"{self.name}: {self._failure}")
        assert self._connection is not None
        self._connection.finish()
        await self._connection.ended
        if self.unacknowledged:
            count = len(self.unacknowledged)
            raise ConnectionError(f"{self.name}: {count} epochs were not acknowledged at the end")

    def acknowledge(self, lines: int) -> None:
        """The first ``lines`` lines of this connection are durable."""
        unacknowledged = self.unacknowledged
        while unacknowledged and unacknowledged[0][0] <= lines:
            unacknowledged.popleft()

    def send_waiting(self) -> None:
        """As much as the connection takes."""
        while self._resends and self._is_open():
            self._write(self._resends.popleft())
        while self.waiting and self._is_open():
            self._write(self.waiting.popleft())

    @property
    def idle(self) -> bool:
        """Nothing waits."""
        return not self.waiting and not self._resends

    def _pass(self, kept: Kept) -> None:
        self.made += 1
        if self.waiting or self._resends or not self._is_open():
            self.waiting.append(kept)
        else:
            self._write(kept)

    def _is_open(self) -> bool:
        return self.connected and self._connection is not None and not self._connection.full

    def _write(self, kept: Kept) -> None:
        assert self._connection is not None
        manners = self.manners
        self._connection.write(kept.data)
        if manners.acknowledged:
            self._lines += kept.data.count(b"\n")
            self.unacknowledged.append((self._lines, kept))
        if manners.remember_us:
            recent = self.recent
            if not recent or kept.time_us > recent[-1].time_us:
                recent.append(kept)
                while recent[0].time_us < kept.time_us - manners.remember_us:
                    recent.popleft()

    def _to_resend(self, *, again: bool) -> list[Kept]:
        # Both are ends of one sequence, so the longer one holds the other.
        lost = [*(kept for _, kept in self.unacknowledged), *self._resends]
        return list(self.recent) if again and len(self.recent) > len(lost) else lost

    async def _renew(self) -> None:
        """End this connection in order, and go on with a new one."""
        assert self._connection is not None
        self.connected = False
        self._connection.finish()
        await self._connection.ended
        await self.reconnect()
        self._renewing = None
