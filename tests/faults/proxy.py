"""A TCP proxy that behaves as badly as a network can: the toxics of the fault tests."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

CHUNK_BYTES = 64 << 10
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection so that its peer gets RST: what is in its buffers is lost."""
    peer: socket.socket | None = writer.get_extra_info("socket")
    if peer is not None and peer.fileno() >= 0:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()


@dataclass(slots=True)
class Toxics:
    """What is wrong with the network now; a change acts at once, on open connections too."""

    affects: Callable[[int], bool] = lambda _: True
    """Which connections, by their number from 0."""
    latency_s: float = 0.0
    """Added to each chunk, one after the other."""
    bytes_per_s: float = 0.0
    """Throttle each direction of each connection; 0: no limit."""
    slice_bytes: int = 0
    """Pass so many bytes at a time on, each with a write of its own; 0: as they come."""
    half_open: bool = False
    """Nothing is passed on, and nobody is told. What has come so far is lost with the
    connection."""
    lose_reply_to: Callable[[bytes], bool] | None = None
    """After the first chunk to the server for which this is true, that connection's replies
    are swallowed, and when the first has come it is reset. Happens once, then it is None."""


@dataclass(slots=True, eq=False)
class _Link:
    """One connection through the proxy."""

    number: int
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    swallows: bool = False
    ended: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def reset(self) -> None:
        reset(self.client)
        reset(self.server)


class Proxy:
    """Forwards from a free port of 127.0.0.1 to ``target``; an async context manager.

    ``target`` may be changed: it counts for connections that come later.
    """

    def __init__(self, target: tuple[str, int], toxics: Toxics | None = None) -> None:
        self.target = target
        self.toxics = toxics or Toxics()
        self.address = ("", 0)
        self.replies_lost = 0
        self._accepted = 0
        self._links: set[_Link] = set()
        self._handlers: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=1024)
        self.address = self._server.sockets[0].getsockname()[:2]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in list(self._handlers):
            task.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    @property
    def connections(self) -> int:
        """How many are open now."""
        return len(self._links)

    def cut(self, chosen: Callable[[int], bool] = lambda _: True) -> int:
        """Reset connections (RST to both sides), chosen by number; returns how many."""
        cut = [link for link in self._links if chosen(link.number)]
        for link in cut:
            link.reset()
        return len(cut)

    def hang_up(self, chosen: Callable[[int], bool] = lambda _: True) -> int:
        """End connections in order (FIN to both sides) wherever their bytes are, as a gateway
        does; replies that come afterwards reach nobody. Chosen by number; returns how many."""
        ended = [link for link in self._links if not link.ended and chosen(link.number)]
        for link in ended:
            link.ended = True
            for writer in (link.client, link.server):
                if writer.can_write_eof() and not writer.transport.is_closing():
                    writer.write_eof()
        return len(ended)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self._accepted = self._accepted, self._accepted + 1
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        try:
            upstream, server = await asyncio.open_connection(*self.target)
        except OSError:
            reset(writer)
            self._handlers.discard(task)
            return
        link = _Link(number, writer, server)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pump(link, reader, server, to_server=True),
                self._pump(link, upstream, writer, to_server=False),
            )
            writer.close()
            server.close()
        except OSError:
            link.reset()
        finally:
            link.client.transport.abort()
            link.server.transport.abort()
            self._links.discard(link)
            self._handlers.discard(task)

    async def _pump(
        self,
        link: _Link,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        to_server: bool,
    ) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            if link.ended:
                continue
            toxics = self.toxics if self.toxics.affects(link.number) else Toxics()
            while toxics.half_open:
                await asyncio.sleep(0.02)
                if link.client.transport.is_closing() or reader.exception() is not None:
                    raise ConnectionResetError
            if to_server and toxics.lose_reply_to is not None and toxics.lose_reply_to(chunk):
                toxics.lose_reply_to = None
                link.swallows = True
            elif not to_server and link.swallows:
                self.replies_lost += 1
                raise ConnectionResetError
            await _pass_on(chunk, writer, toxics)
        if writer.can_write_eof() and not writer.transport.is_closing():
            writer.write_eof()


async def _pass_on(chunk: bytes, writer: asyncio.StreamWriter, toxics: Toxics) -> None:
    if toxics.latency_s:
        await asyncio.sleep(toxics.latency_s)
    size = toxics.slice_bytes or len(chunk)
    for start in range(0, len(chunk), size):
        piece = chunk[start : start + size]
        if toxics.bytes_per_s:
            await asyncio.sleep(len(piece) / toxics.bytes_per_s)
        writer.write(piece)
        await writer.drain()
        if toxics.slice_bytes:
            # The loop must turn, or the pieces would leave together.
            await asyncio.sleep(0)
