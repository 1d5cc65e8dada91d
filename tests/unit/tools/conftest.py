"""A server that speaks the terminal protocol and does to a replay what the test asks for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from services.tools.sentence import sentence


@dataclass
class FakeIngest:
    """Remembers, in order, the lines that it acknowledged; a cut connection loses the others."""

    refuse: str | None = None
    acknowledge: bool = True
    cut_after_lines: list[int] = field(default_factory=list)
    """The first connections are cut when they have sent so many lines of the capture."""
    keep_back: int = 0
    """So many of the newest lines are not acknowledged before the sender has finished."""
    durable: list[bytes] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    """Whole lines but for logins and the like, as they came."""
    received: bytearray = field(default_factory=bytearray)
    connections: int = 0
    logins: list[bytes] = field(default_factory=list)
    url: str = ""
    thousand: asyncio.Event = field(default_factory=asyncio.Event)
    """A thousand lines are durable."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        cut = self.cut_after_lines.pop(0) if self.cut_after_lines else None
        await _Connection(self, writer, cut).run(reader)
        writer.close()


@dataclass
class _Connection:
    server: FakeIngest
    writer: asyncio.StreamWriter
    cut: int | None
    lines: int = 0
    acknowledging: bool = False
    pending: list[bytes] = field(default_factory=list)
    safe: int = 0
    control: int = 0

    async def run(self, reader: asyncio.StreamReader) -> None:
        rest = b""
        while data := await reader.read(1000):
            self.server.received += data
            *whole, rest = re.split(rb"[\r\n]", rest + data)
            for line in filter(None, whole):
                self.take(line)
            if self.cut is not None and self.lines - self.control >= self.cut:
                return
            self.settle(self.server.keep_back)
        if rest:
            self.take(rest)
        self.settle(0)

    def take(self, line: bytes) -> None:
        self.lines += 1
        if line.startswith(b"$PDPR,LOGIN"):
            self.server.logins.append(line)
            refuse = self.server.refuse
            self.writer.write(sentence(b"PDPR,NO," + refuse.encode() if refuse else b"PDPR,OK"))
            self.control += 1
        elif line.startswith(b"$PDPR,ACK,ON"):
            self.acknowledging = True
            self.control += 1
        else:
            self.pending.append(line)
            self.server.lines.append(line)

    def settle(self, keep: int) -> None:
        if not self.acknowledging or not self.server.acknowledge:
            return
        done = max(len(self.pending) - keep, 0)
        if self.cut is not None:
            done = min(done, max(self.cut // 2 - self.safe, 0))
        self.server.durable += self.pending[:done]
        del self.pending[:done]
        if len(self.server.durable) >= 1000:
            self.server.thousand.set()
        self.safe += done
        self.writer.write(sentence(b"PDPR,ACK,%d" % (self.safe + self.control)))


@pytest.fixture
async def ingest() -> AsyncIterator[FakeIngest]:
    fake = FakeIngest()
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    fake.url = f"tcp://{host}:{port}"
    yield fake
    server.close()
