"""One connection of a terminal of a load."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from services.tools.sentence import sentence


class Owner(Protocol):
    """What a connection needs of its terminal."""

    name: str
    connected: bool

    @property
    def idle(self) -> bool:
        """Nothing waits to be sent."""
        ...

    def acknowledge(self, lines: int) -> None:
        """The first ``lines`` lines of the connection are durable."""
        ...

    def send_waiting(self) -> None:
        """The connection takes more again."""
        ...

    def lost(self, connection: Connection) -> None:
        """The server ended it."""
        ...


class Connection(asyncio.Protocol):
    """One connection of a terminal."""

    def __init__(self, terminal: Owner, *, acknowledged: bool) -> None:
        loop = asyncio.get_running_loop()
        self.logged_in: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.full = False
        self._terminal = terminal
        self._acknowledged = acknowledged
        self._finishing = False
        self._tail = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        hello = sentence(b"PDPR,LOGIN," + self._terminal.name.encode())
        if self._acknowledged:
            hello += sentence(b"PDPR,ACK,ON")
        self._transport.write(hello)

    def data_received(self, data: bytes) -> None:
        data = self._tail + data
        end = data.rfind(b"\n") + 1
        self._tail = data[end:]
        if not self.logged_in.done() and end:
            if not data.startswith(b"$PDPR,OK"):
                self.logged_in.set_exception(ConnectionError(data.decode("ascii", "replace")))
                return
            self.logged_in.set_result(None)
        place = data.rfind(b"$PDPR,ACK,", 0, end)
        if place >= 0:
            self._terminal.acknowledge(int(data[place + 10 : data.index(b"*", place)]))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.logged_in.done():
            self.logged_in.set_exception(error or ConnectionResetError("closed by the server"))
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)
            # Who dropped the connection does not wait for its end.
            self.ended.exception()
        if not self._finishing:
            self._terminal.lost(self)

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        self._terminal.send_waiting()
        if self._finishing:
            self.finish()

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def finish(self) -> None:
        """Say that nothing more will come, once everything that waits has been sent."""
        self._finishing = True
        if self.ended.done():
            return
        if self._terminal.idle or not self._terminal.connected:
            assert self._transport is not None
            self._transport.write_eof()
