"""What TLS costs ingest: ``python -m loadtests.tls_cost``, pairs of runs on one machine.

The server runs here, over a log in memory; terminals are a process of their own. Each terminal
sends a second's lines at a time, all terminals in turn, so that an epoch is a record of TLS, as it
is from terminals in the field. What is measured is this process's CPU.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import uvloop
from prometheus_client import CollectorRegistry

from services.ingest.metrics import IngestMetrics
from services.ingest.server import IngestServer
from services.ingest.settings import IngestSettings, LimitSettings, TlsListener
from services.log.base import FIX, MESSAGE, REJECT, TALLY, TopicSpec
from services.log.memory import MemoryLog
from services.runtime.tls import TlsFiles, client_context
from services.tools.sentence import sentence

TERMINALS = 100
SECONDS = 100
PAIRS = 5


class Cost(NamedTuple):
    """CPU of the server in microseconds."""

    connection: float
    """To open it, login included."""
    fix: float


def main() -> int:
    """Run the pairs and print the table; the exit code."""
    from tests.certificates import Authority

    with tempfile.TemporaryDirectory() as directory:
        authority = Authority(Path(directory))
        files = TlsFiles(*authority.server(), authority.file, "optional")
        pair = authority.terminal("No name of a terminal")
        runs = [
            [uvloop.run(_run(kind, files, (authority.file, *pair))) for kind in _KINDS]
            for _ in range(PAIRS)
        ]
    print(f"{TERMINALS} terminals, {SECONDS} s each, median (range) of {PAIRS} pairs, µs of CPU")
    for place, kind in enumerate(_KINDS):
        costs = [run[place] for run in runs]
        print(f"{kind:12} {_shown([c.connection for c in costs])} a connection, ", end="")
        print(f"{_shown([c.fix for c in costs])} a fix")
    return 0


_KINDS = ("plain", "tls", "certificate")


def _shown(values: list[float]) -> str:
    return f"{statistics.median(values):8.1f} ({min(values):.1f}-{max(values):.1f})"


async def _run(kind: str, files: TlsFiles, client: tuple[str, str, str]) -> Cost:
    free = LimitSettings(
        terminal_lines_per_s=0, new_per_address_per_s=0, unidentified_per_address=TERMINALS + 1
    )
    settings = IngestSettings(port=0, tls=TlsListener("127.0.0.1", 0, files), limits=free)
    async with MemoryLog() as log:
        await log.create_topics([TopicSpec(name, 1) for name in (FIX, MESSAGE, REJECT, TALLY)])
        async with IngestServer(settings, log, IngestMetrics(CollectorRegistry()), "run") as server:
            assert server.tls_address is not None
            place = server.address if kind == "plain" else server.tls_address
            arguments = [kind, str(place[1]), *client]
            process = await asyncio.create_subprocess_exec(
                *[sys.executable, "-m", "loadtests.tls_cost", *arguments],
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            with _used(TERMINALS) as connections:
                await _step(process)
            with _used(TERMINALS * SECONDS) as fixes:
                await _step(process)
                while (await log.end_offsets(FIX))[0] < TERMINALS * (SECONDS - 1):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await process.wait()
    return Cost(connections[0], fixes[0])


@contextmanager
def _used(divisor: int) -> Iterator[list[float]]:
    """The block's CPU in microseconds for each of ``divisor``, once it has ended."""
    used: list[float] = []
    before = time.process_time()
    yield used
    used.append((time.process_time() - before) * 1e6 / divisor)


async def _step(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n")
    await process.stdin.drain()
    if not await process.stdout.readline():
        raise RuntimeError("the terminals have failed")


async def _terminals(kind: str, port: int, ca: str, certificate: str, key: str) -> None:
    security = None
    if kind != "plain":
        pair = (certificate, key) if kind == "certificate" else (None, None)
        security = client_context(ca, *pair)
    sys.stdin.readline()
    writers = []
    for number in range(TERMINALS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=security)
        writer.write(sentence(b"PDPR,LOGIN,T-%04d,x" % number))
        await reader.readline()
        writers.append(writer)
    print(flush=True)
    sys.stdin.readline()
    for second in range(SECONDS):
        epoch = _epoch(second)
        for writer in writers:
            writer.write(epoch)
        await asyncio.gather(*(writer.drain() for writer in writers))
        # The server has read one second of each before the next.
        await asyncio.sleep(0.02)
    print(flush=True)
    for writer in writers:
        writer.close()


def _epoch(second: int) -> bytes:
    clock = b"12%02d%02d.00" % (second // 60, second % 60)
    lines = (
        b"GNGGA,%b,2800.0000,N,12040.0000,E,1,12,0.8,15.0,M,5.1,M,," % clock,
        b"GNGSA,A,3,03,07,11,14,19,22,30,01,08,17,28,32,1.4,0.8,1.1,4",
        b"BDGSV,2,1,08,03,45,120,38,07,51,201,40,11,12,300,31,14,67,044,42",
        b"BDGSV,2,2,08,19,33,180,39,22,08,270,28,30,59,090,41,01,40,140,36",
        b"GNRMC,%b,A,2800.0000,N,12040.0000,E,12.5,187.0,170625,,,A" % clock,
    )
    return b"".join(map(sentence, lines))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(_terminals(sys.argv[1], int(sys.argv[2]), *sys.argv[3:6]))
    else:
        sys.exit(main())
