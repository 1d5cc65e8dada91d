"""Memory that idle connections cost ingest: python -m loadtests.idle [CONNECTIONS].

Ingest runs alone in a process of its own, on uvloop and a log in memory, so that nothing else
moves in its resident memory while connections are opened from here.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import uvloop
from prometheus_client import CollectorRegistry
from rich.console import Console

from loadtests.load import LoadError
from loadtests.processes import usage
from loadtests.report import Report
from services.ingest.metrics import IngestMetrics
from services.ingest.server import IngestServer
from services.ingest.settings import IngestSettings
from services.log.base import FIX, MESSAGE, REJECT, TALLY, TopicSpec
from services.log.memory import MemoryLog
from services.tools.sentence import sentence

CONNECTIONS = 1_000
BOUND_BYTES = 20_000_000
"""What 1,000 connections may add."""
SPARE_FILES = 100


def idle(connections: int, command: str) -> Report:
    """Open connections that send nothing, then have each log in and send one second of a
    receiver, and see what that adds to ingest's resident memory. Raises LoadError."""
    report = Report("idle", command)
    bound = BOUND_BYTES * connections / CONNECTIONS
    against = f"{bound / 1e6:g} MB asked for"
    _allow_files(connections + SPARE_FILES)
    with _ingest() as (process, address), ExitStack() as opened:
        before = usage(process.pid).rss_bytes
        peers = [opened.enter_context(_connect(address)) for _ in range(connections)]
        # The newest is accepted last: once it is answered, all are there.
        _send(peers[-1], connections)
        _await_acknowledgement(peers.pop())
        silent = usage(process.pid).rss_bytes - before
        for number, peer in enumerate(peers):
            _send(peer, number)
        for peer in peers:
            _await_acknowledgement(peer)
        used = usage(process.pid).rss_bytes - before
    for name, added in (("connected", silent), ("logged in, one epoch sent", used)):
        report.add(f"{connections:,} {name}: memory added", added, "bytes", against, added / bound)
        report.add(f"{name}: memory a connection", added / connections, "bytes")
        if added > bound:
            report.failures.append(f"{connections} idle connections add {added / 1e6:.1f} MB")
    return report


def main() -> int:
    """Measure and print."""
    connections = int(sys.argv[1]) if len(sys.argv) > 1 else CONNECTIONS
    report = idle(connections, " ".join(["python -m loadtests.idle", *sys.argv[1:]]))
    report.show(Console())
    return 1 if report.failures else 0


@contextmanager
def _ingest() -> Iterator[tuple[subprocess.Popen[str], tuple[str, int]]]:
    """A process that runs ingest until its standard input closes, and its address."""
    command = [sys.executable, "-c", "from loadtests.idle import serve; serve()"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        host, _, port = process.stdout.readline().strip().rpartition(":")
        if not port:
            raise LoadError("ingest did not start")
        try:
            yield process, (host, int(port))
        finally:
            process.stdin.close()


def serve() -> None:
    """Run ingest until standard input closes; its address goes to standard output."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())


async def _serve() -> None:
    topics = [TopicSpec(name, 4) for name in (FIX, MESSAGE, REJECT)]
    async with MemoryLog() as log:
        await log.create_topics([*topics, TopicSpec(TALLY, 1, compacted=True)])
        settings = IngestSettings(port=0, flush_after_s=0.25)
        metrics = IngestMetrics(CollectorRegistry())
        async with IngestServer(settings, log, metrics, "idle") as server:
            print(*server.address, sep=":", flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def _connect(address: tuple[str, int]) -> socket.socket:
    try:
        return socket.create_connection(address, timeout=10.0)
    except OSError as error:
        raise LoadError(f"ingest does not accept: {error}") from error


def _send(peer: socket.socket, number: int) -> None:
    """A login, acknowledged mode and an epoch."""
    position = b"2800.0000,N,12040.0000,E"
    peer.sendall(
        sentence(b"PDPR,LOGIN,IDLE-%d" % number)
        + sentence(b"PDPR,ACK,ON")
        + sentence(b"GNRMC,120000.00,A,%b,12.5,187.0,170625,,,A" % position)
        + sentence(b"GNGGA,120000.00,%b,1,12,0.8,15.0,M,5.1,M,," % position)
    )


def _await_acknowledgement(peer: socket.socket) -> None:
    """Returns when all that ``_send`` sent is acknowledged. Raises LoadError."""
    answers = b""
    while b"$PDPR,ACK,4*" not in answers:
        try:
            answer = peer.recv(4096)
        except OSError as error:
            raise LoadError(f"ingest does not answer: {error}") from error
        if not answer:
            raise LoadError(f"ingest closed a connection; it said {answers!r}")
        answers += answer


def _allow_files(count: int) -> None:
    """Raise the limit of open files to ``count`` if need be. Raises LoadError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and count > hard:
        raise LoadError(f"{count} open files are needed and {hard} allowed: see ulimit -Hn")
    if soft != resource.RLIM_INFINITY and count > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


if __name__ == "__main__":
    sys.exit(main())
