"""A fleet that streams in acknowledged mode for as long as a test needs it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from services.nmea.stream import Stream as Decoder
from services.tools.events import zone_events
from services.tools.zones import read_zone_files
from services.zones.index import ZoneIndex
from tests.faults.streams import Stream, line

ACKNOWLEDGEMENT = re.compile(rb"\$PDPR,ACK,(\d+)\*")
OWN_LINES = 2
SLICE_LINES = 8
SLICE_EVERY_S = 0.2


class Fleet:
    """Sends each stream over a connection of its own: slowly, and the rest at once after
    ``rush`` is set. ``run`` returns when the server has acknowledged every line."""

    def __init__(self, streams: Sequence[Stream], address: str) -> None:
        self.rush = asyncio.Event()
        self._streams = streams
        self._host, _, port = address.rpartition(":")
        self._port = int(port)

    async def run(self) -> None:
        """Send all."""
        async with asyncio.TaskGroup() as group:
            for stream in self._streams:
                group.create_task(self._send(stream))

    async def _send(self, stream: Stream) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        writer.write(line(b"PDPR,LOGIN,%s," % stream.terminal.encode()))
        writer.write(line(b"PDPR,ACK,ON"))
        everything = asyncio.create_task(
            _acknowledged(reader, OWN_LINES + len(stream.lines)), name=stream.terminal
        )
        for start in range(0, len(stream.lines), SLICE_LINES):
            writer.write(b"".join(stream.lines[start : start + SLICE_LINES]))
            await writer.drain()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SLICE_EVERY_S):
                    await self.rush.wait()
        writer.write_eof()
        await everything
        writer.close()


async def _acknowledged(reader: asyncio.StreamReader, lines: int) -> None:
    while answer := await reader.readline():
        found = ACKNOWLEDGEMENT.match(answer)
        if found and int(found[1]) >= lines:
            return
    raise ConnectionError("the server closed before it had acknowledged every line")


def expected(streams: Iterable[Stream], zones: Path) -> tuple[set[tuple[str, int]], set[str]]:
    """What an undisturbed run stores: (terminal, microseconds) of fixes, and ids of events."""
    index = ZoneIndex(read_zone_files([str(zones)]))
    fixes: set[tuple[str, int]] = set()
    events: set[str] = set()
    for stream in streams:
        decoder = Decoder(stream.terminal)
        found = [*decoder.feed(stream.blob, 0).fixes, *decoder.finish(0).fixes]
        fixes.update((fix.terminal, fix.time_us) for fix in found if fix.time_us is not None)
        events.update(event.id for event in zone_events(index, [found]))
    return fixes, events
