"""Terminals in acknowledged mode: each with its connection, sending again what was not
acknowledged, and remembering exactly what it sent.

An acknowledgement counts the lines of its connection: two of its own (login, ACK,ON), then
those of the stream from where the connection began.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from tests.faults.proxy import reset
from tests.faults.streams import Stream, line

ACKNOWLEDGEMENT = re.compile(rb"\$PDPR,ACK,(\d+)\*[0-9A-F]{2}\r\n")
ACKNOWLEDGE = line(b"PDPR,ACK,ON")
OWN_LINES = 2
TICK_S = 0.1


class Habits(NamedTuple):
    """How the fleet sends; times in seconds."""

    duration_s: float = 5.0
    """From the first byte to the last, if nothing gets in the way."""
    patience_s: float = 5.0
    """Without progress for so long a connection is given up."""
    retry_s: float = 0.2
    ends_in_order: float = 0.5
    """Share of terminals that end their stream in an orderly way; the others wait for the last
    acknowledgement first."""


@dataclass(slots=True)
class Sender:
    """One terminal: its stream, and what has become of it."""

    stream: Stream
    polite: bool
    phase_s: float
    blob: bytes = b""
    ends: tuple[int, ...] = ()
    """Where in the blob each line ends."""
    acknowledged: int = 0
    """Lines of the stream that the server has acknowledged: durable, it says."""
    reached: int = 0
    """Bytes of the stream that have been sent at least once."""
    lines_sent: int = 0
    """Physical lines handed to a socket, of all connections, the own ones included. A line is
    one from its CR on, the LF may be on its way."""
    lines_acknowledged: int = 0
    """The same for acknowledged ones."""
    connections: int = 0
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.blob = self.stream.blob
        self.ends = tuple(accumulate(map(len, self.stream.lines)))

    @property
    def done(self) -> bool:
        """Whether all is acknowledged."""
        return self.acknowledged == len(self.ends)


class FleetClient:
    """Sends streams to ``address``; ``run`` returns when all of it is acknowledged."""

    def __init__(
        self, streams: Sequence[Stream], address: tuple[str, int], habits: Habits, seed: int
    ) -> None:
        deal = random.Random(f"fleet {seed}")
        self.senders = [
            Sender(stream, deal.random() < habits.ends_in_order, deal.uniform(0, TICK_S))
            for stream in streams
        ]
        self._address = address
        self._habits = habits
        self.sent_at = 0.0
        """When the last byte that had not been sent before was sent; the loop's time."""
        self._began = 0.0
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def share_acknowledged(self) -> float:
        """Of all lines, 0 to 1."""
        done = sum(sender.acknowledged for sender in self.senders)
        return done / sum(len(sender.ends) for sender in self.senders)

    async def run(self) -> None:
        """Until every line is acknowledged; cancel it to end before."""
        self._began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for sender in self.senders:
                group.create_task(self._drive(sender))

    def storm(self) -> int:
        """All connections break at once, and all terminals come back; returns how many."""
        writers = list(self._writers)
        for writer in writers:
            reset(writer)
        return len(writers)

    async def _drive(self, sender: Sender) -> None:
        while not sender.done:
            try:
                reader, writer = await asyncio.open_connection(*self._address)
            except OSError:
                await asyncio.sleep(self._habits.retry_s)
                continue
            sender.connections += 1
            self._writers.add(writer)
            try:
                await self._converse(sender, reader, writer)
            except (OSError, TimeoutError):
                pass
            finally:
                self._writers.discard(writer)
                # A terminal that loses its network does not say goodbye.
                reset(writer)
            if not sender.done:
                await asyncio.sleep(self._habits.retry_s)

    async def _converse(
        self, sender: Sender, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        first = sender.acknowledged
        start = sender.ends[first - 1] if first else 0
        writer.write(line(b"PDPR,LOGIN,%b,secret" % sender.stream.terminal.encode()) + ACKNOWLEDGE)
        sender.lines_sent += OWN_LINES
        writing = asyncio.create_task(self._write(sender, writer, start))
        try:
            await self._listen(sender, reader, first)
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _write(self, sender: Sender, writer: asyncio.StreamWriter, start: int) -> None:
        """What is due, every tick; a cut falls anywhere in a line."""
        clock = asyncio.get_running_loop().time
        at, size = start, len(sender.blob)
        while True:
            share = (clock() - self._began) / self._habits.duration_s
            due = max(sender.reached, min(size, int(size * share)))
            if due > at:
                sender.lines_sent += sender.blob.count(b"\r", at, due)
                if due > sender.reached:
                    sender.reached, self.sent_at = due, clock()
                writer.write(sender.blob[at:due])
                at = due
                await writer.drain()
            if at == size:
                break
            await asyncio.sleep(TICK_S + sender.phase_s / 10)
        if sender.polite:
            writer.write_eof()

    async def _listen(self, sender: Sender, reader: asyncio.StreamReader, first: int) -> None:
        counted = 0
        while not sender.done:
            async with asyncio.timeout(self._habits.patience_s):
                reply = await reader.readline()
            if not reply:
                return
            found = ACKNOWLEDGEMENT.fullmatch(reply)
            if found is None:
                if not reply.startswith(b"$PDPR,OK*"):
                    sender.complaints.append(f"the server says {reply!r}")
                continue
            count = int(found[1])
            sender.lines_acknowledged += count - counted
            counted = count
            lines = first + count - OWN_LINES
            if lines > first and (
                lines > len(sender.ends) or sender.ends[lines - 1] - 1 > sender.reached
            ):
                sender.complaints.append(f"line {lines} is acknowledged and was never sent")
                lines = len(sender.ends)
            sender.acknowledged = max(sender.acknowledged, lines)
