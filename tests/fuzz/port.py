"""A real ingest on a real port, clients that send it lines from ``lines``, and what must hold."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import orjson
from prometheus_client import CollectorRegistry

from services.codec import decode_tally
from services.ingest.metrics import IngestMetrics
from services.ingest.server import IngestServer
from services.ingest.settings import IngestSettings, LimitSettings, SessionSettings
from services.log.base import FIX, MESSAGE, REJECT, TALLY, Entry, TopicSpec
from services.log.memory import MemoryLog
from services.model import Tally
from tests.fuzz.lines import NEIGHBOUR, framed, line, name
from tests.integration.ingest.client import Client, connect

CLIENTS = 6
LINES_A_LIFE = 400
PATIENCE_S = 60.0
"""A connection that takes longer hangs."""
GROWTH_BYTES = 48 << 20
"""What the process may grow by after its first fifth: client and server together."""
PAGE_BYTES = 4096
LINE = re.compile(rb"[^\r\n]+")

OPEN = IngestSettings(
    port=0,
    session=SessionSettings(max_bad_lines=0),
    limits=LimitSettings(new_per_address_per_s=0, terminal_lines_per_s=0),
)
"""No limit ends a connection, so that every line can be accounted for to the terminal."""
GUARDED = IngestSettings(port=0)
"""Everything as users get it."""


class FuzzError(AssertionError):
    """The server did what it must not; the text says what."""


class Report(NamedTuple):
    """What a run did."""

    lines_sent: int
    """By the clients, as lines end; those behind a close are among them."""
    tally: Tally
    accounted: int
    """Physical lines whose whole way was acknowledged to the terminal that sent them."""
    neighbour_fixes: int
    grown_bytes: int


class CountingLog(MemoryLog):
    """Keeps figures instead of records, so that memory that grows is the server's."""

    def __init__(self) -> None:
        super().__init__()
        self.records: Counter[str] = Counter()
        self.fix_lines = 0
        self.tally: Tally | None = None
        """The newest."""
        self.neighbour: list[int] = []
        """The times of its fixes."""

    async def append(
        self, topic: str, entries: Sequence[Entry], *, partition: int | None = None
    ) -> Mapping[int, int]:
        if topic == TALLY:
            self.tally = decode_tally(entries[-1].value or b"")
        self.records[topic] += len(entries)
        if topic == FIX:
            for key, value in entries:
                fix = orjson.loads(value or b"")
                self.fix_lines += fix["lines"]
                if key == NEIGHBOUR.encode():
                    self.neighbour.append(fix["time_us"])
        return {0: self.records[topic]}


class Fuzz:
    """One server, its clients and its neighbour."""

    def __init__(
        self, settings: IngestSettings, lines: int, seed: int, progress: Callable[[int], None]
    ) -> None:
        self._settings = settings
        self._wanted = lines
        self._chance = random.Random(seed)
        self._progress = progress
        self._sent = 0
        self._accounted = 0
        self._epochs = 0
        self._first_bytes: int | None = None
        self._most_bytes = 0
        self._complaints: list[str] = []

    async def run(self) -> Report:
        """Send all lines. Raises FuzzError."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._complain)
        metrics = IngestMetrics(CollectorRegistry())
        async with CountingLog() as log:
            await log.create_topics(
                [TopicSpec(topic, 1) for topic in (FIX, MESSAGE, REJECT)]
                + [TopicSpec(TALLY, 1, compacted=True)]
            )
            async with IngestServer(self._settings, log, metrics, "fuzz") as server:
                neighbour = asyncio.create_task(self._be_a_neighbour(server))
                await asyncio.gather(*(self._be_a_client(server) for _ in range(CLIENTS)))
                await asyncio.wait_for(neighbour, PATIENCE_S)
            tally = log.tally
            assert tally is not None
        self._judge(log, tally)
        grown = self._most_bytes - (self._first_bytes or self._most_bytes)
        return Report(self._sent, tally, self._accounted, len(log.neighbour), grown)

    async def _be_a_client(self, server: IngestServer) -> None:
        chance = random.Random(self._chance.random())
        while self._sent < self._wanted:
            data, acknowledged = self._life(chance)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._live(server, data, acknowledged, chance)
            except TimeoutError as error:
                raise FuzzError(f"a connection hangs after {data[:200]!r}…") from error
            self._look_at_memory()

    def _life(self, chance: random.Random) -> tuple[bytes, bool]:
        """All that a connection sends, and whether it asks for acknowledgements first."""
        wanted = min(chance.randint(1, LINES_A_LIFE), self._wanted - self._sent + 1)
        content = b"".join(line(chance) for _ in range(wanted))
        self._sent += wanted
        self._progress(wanted)
        acknowledged = chance.random() < 0.7
        if acknowledged:
            content = framed(b"PDPR,LOGIN," + name(chance)) + b"\n$PDPR,ACK,ON*5E\n" + content
        return content, acknowledged

    async def _live(
        self, server: IngestServer, data: bytes, acknowledged: bool, chance: random.Random
    ) -> None:
        """Send it in pieces, at random speed, and end in order or not."""
        # What the server has closed, it has closed.
        with suppress(ConnectionError, RuntimeError):
            async with connect(server) as client:
                listening = asyncio.create_task(_listen(client))
                at, largest = 0, chance.choice((20, 1_000, 100_000))
                while at < len(data) and not client.writer.transport.is_closing():
                    size = chance.randint(1, largest)
                    await client.send(data[at : at + size])
                    at += size
                    if chance.random() < 0.1:
                        await asyncio.sleep(chance.choice((0.0, 0.001)))
                if chance.random() < 0.2:
                    client.reset()
                    await listening
                    return
                client.writer.write_eof()
                answers = await listening
                if acknowledged and self._settings is OPEN:
                    self._account(data, answers)

    def _account(self, data: bytes, answers: bytes) -> None:
        sent = len(LINE.findall(data))
        last = answers.splitlines()[-1].split(b"*")[0] if answers else b""
        if last != b"$PDPR,ACK,%d" % sent:
            raise FuzzError(f"{sent} lines were sent, and the last answer is {last!r}")
        self._accounted += sent

    async def _be_a_neighbour(self, server: IngestServer) -> None:
        """A second of a receiver after the other, each when the one before is durable."""
        async with connect(server) as client:
            await client.send(framed(b"PDPR,LOGIN," + NEIGHBOUR.encode()) + b"\n")
            await client.send(b"$PDPR,ACK,ON*5E\n")
            while self._epochs < 3 or self._sent < self._wanted:
                await client.send(_epoch(self._epochs))
                self._epochs += 1
                await asyncio.wait_for(client.acknowledged(2 * self._epochs), PATIENCE_S)
                await asyncio.sleep(0.02)
            await client.send_all(b"")

    def _judge(self, log: CountingLog, tally: Tally) -> None:
        rejected = sum(tally.lines_rejected.values())
        kept = log.fix_lines + log.records[MESSAGE]
        checks = {
            "an error was raised: " + "; ".join(self._complaints): not self._complaints,
            f"lines are missing: {tally}": (
                tally.lines_pending == 0 and tally.lines_read == tally.lines_used + rejected
            ),
            f"{kept} lines are in records, not {tally.lines_used - tally.lines_control}": (
                kept == tally.lines_used - tally.lines_control
            ),
            f"{log.records[REJECT]} dead letters, not {rejected}": log.records[REJECT] == rejected,
            f"{len(log.neighbour)} of {self._epochs} fixes of the neighbour": (
                len(log.neighbour) == self._epochs
            ),
            "the neighbour's fixes are out of order": log.neighbour == sorted(log.neighbour),
        }
        for complaint, holds in checks.items():
            if not holds:
                raise FuzzError(complaint)

    def _look_at_memory(self) -> None:
        now = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES
        if self._first_bytes is None and self._sent < self._wanted / 5:
            return
        self._first_bytes = self._first_bytes or now
        self._most_bytes = max(self._most_bytes, now)
        if now - self._first_bytes > GROWTH_BYTES:
            raise FuzzError(f"memory grew by {(now - self._first_bytes) >> 20} MiB")

    def _complain(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        self._complaints.append(str(context.get("exception") or context.get("message")))


async def fuzz(lines: int, seed: int, progress: Callable[[int], None]) -> list[Report]:
    """Four fifths of the lines to a server whose limits end nothing, the rest to one as users get
    it. Raises FuzzError."""
    first = lines * 4 // 5
    return [
        await Fuzz(OPEN, first, seed, progress).run(),
        await Fuzz(GUARDED, lines - first, seed + 1, progress).run(),
    ]


async def _listen(client: Client) -> bytes:
    """All answers, whichever way the connection ends."""
    answers = b""
    with suppress(ConnectionError):
        while piece := await client.reader.read(65536):
            answers = (answers + piece)[-4096:]
    return answers


def _epoch(second: int) -> bytes:
    time = b"%02d%02d%02d.00" % (second // 3600, second // 60 % 60, second % 60)
    place = b"2800.0000,N,12040.0000,E"
    return b"%b\r\n%b\r\n" % (
        framed(b"GNRMC,%b,A,%b,12.5,187.0,170625,,,A" % (time, place)),
        framed(b"GNGGA,%b,%b,1,12,0.8,15.0,M,5.1,M,," % (time, place)),
    )
