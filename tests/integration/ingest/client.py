"""A terminal, as the tests of ingest need it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from services.ingest.door import Door
from services.ingest.metrics import IngestMetrics
from services.ingest.server import IngestServer
from services.ingest.settings import IngestSettings, LimitSettings, SessionSettings
from services.log.base import Log

PATIENCE_S = 30.0
"""How long a test waits for what must come; it is never waited out when all is well."""


FAST = LimitSettings(terminal_lines_per_s=0, new_per_address_per_s=0)
"""For tests that send faster than any receiver, or open many connections at once."""


def settings(default_terminal: str | None = "TRUCK-1", **changes: object) -> IngestSettings:
    """Settings on a free port, as fast as sockets go unless ``limits`` are given."""
    return IngestSettings(
        port=0,
        session=SessionSettings(default_terminal=default_terminal),
        **{"limits": FAST, **changes},  # type: ignore[arg-type]
    )


@asynccontextmanager
async def ingest(
    log: Log, wanted: IngestSettings | None = None, door: Door | None = None
) -> AsyncIterator[IngestServer]:
    """A server that runs while the context lasts; its run is called ``run``."""
    metrics = IngestMetrics(CollectorRegistry())
    async with (
        asyncio.timeout(PATIENCE_S),
        IngestServer(wanted or settings(), log, metrics, "run", door=door) as server,
    ):
        yield server


class Client:
    """One connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """Send, waiting while the server does not read."""
        self.writer.write(data)
        await self.writer.drain()

    async def send_all(self, data: bytes) -> list[bytes]:
        """Send, end the stream cleanly, and return all answers until the server has closed."""
        await self.send(data)
        self.writer.write_eof()
        answers = (await self.reader.read()).splitlines()
        self.writer.close()
        return answers

    async def acknowledged(self, lines: int) -> None:
        """Wait until at least ``lines`` lines are acknowledged."""
        while True:
            answer = await self.reader.readline()
            assert answer, "the server closed"
            if answer.startswith(b"$PDPR,ACK,") and acknowledged(answer) >= lines:
                return

    def reset(self) -> None:
        """Break the connection, so that the server sees a reset and no end of the stream."""
        peer = self.writer.get_extra_info("socket")
        if peer is None:
            return  # The server was first.
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def acknowledged(answer: bytes) -> int:
    """The number in `$PDPR,ACK,<n>*hh`."""
    return int(answer.split(b",")[2].split(b"*")[0])


@asynccontextmanager
async def connect(server: IngestServer) -> AsyncIterator[Client]:
    """A connection to the server."""
    host, port = server.address
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
