"""Memory that idle connections cost ingest: python -m loadtests idle.

Ingest runs alone in a process of its own, on uvloop and a log in memory, so that nothing else
moves in its resident memory while connections are opened from here.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import uvloop
from prometheus_client import CollectorRegistry

from loadtests.load import LoadError
from loadtests.processes import allow_open_files, usage
from loadtests.report import Report
from loadtests.terminal import SOURCES
from services.ingest.metrics import IngestMetrics
from services.ingest.server import IngestServer
from services.ingest.settings import IngestSettings, LimitSettings
from services.log.base import FIX, MESSAGE, REJECT, TALLY, TopicSpec
from services.log.memory import MemoryLog
from services.tools.sentence import sentence

BOUND_BYTES = 8_000
"""What a connected terminal may cost."""
SPARE_FILES = 100
FRESH_BYTES = 20_000_000
"""Below some thousand connections, what a process allocates anyway would decide."""


def idle(connections: int, command: str) -> Report:
    """Open connections that send nothing, then have each log in and send one second of a
    receiver, and see what that adds to ingest's resident memory. Raises LoadError."""
    report = Report("idle", command)
    try:
        allow_open_files(connections + SPARE_FILES)
    except ValueError as error:
        raise LoadError(str(error)) from error
    with _ingest(connections) as (process, address), ExitStack() as opened:
        before = usage(process.pid).rss_bytes
        peers = [opened.enter_context(_connect(address, number)) for number in range(connections)]
        # The newest is accepted last: once it is answered, all are there.
        _send(peers[-1], connections)
        _await_acknowledgement(peers[-1])
        silent = usage(process.pid).rss_bytes - before
        for number, peer in enumerate(peers[:-1]):
            _send(peer, number)
        for peer in peers[:-1]:
            _await_acknowledgement(peer)
        used = usage(process.pid).rss_bytes - before
        ledger = report.ledger = _end(process, connections)
    for name, added in (("connected", silent), ("logged in, one epoch sent", used)):
        each = added / connections
        report.add(f"memory a connection, {connections:,} {name}", each, "bytes")
        if added > BOUND_BYTES * connections + FRESH_BYTES:
            report.failures.append(f"{connections:,} idle connections add {added / 1e6:.1f} MB")
    fixes = ledger["fixes"]["published"]
    report.add("fixes in the log", fixes, "fixes", "terminals", fixes / connections)
    if not ledger["balanced"]:
        report.failures.append(f"{connections:,} terminals sent a fix each, {fixes:,} are there")
    report.notes.append("The kernel's memory for a socket is not ingest's, and not counted.")
    return report


@contextmanager
def _ingest(connections: int) -> Iterator[tuple[subprocess.Popen[str], tuple[str, int]]]:
    """A process that runs ingest until its standard input closes, and its address."""
    command = [sys.executable, "-c", f"from loadtests.idle import serve; serve({connections})"]
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


def _end(process: subprocess.Popen[str], connections: int) -> dict[str, Any]:
    """Stop ingest; what is in its log, in the form of a ledger."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    found = json.loads(process.stdout.readline())
    balanced = found == {"fixes": connections, "rejects": 0}
    return {
        "lines": {"rejected": found["rejects"]},
        "fixes": {"published": found["fixes"]},
        "balanced": balanced,
    }


def serve(connections: int) -> None:
    """Run ingest until standard input closes; its address goes to standard output, and at the
    end what its log holds."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(connections))


async def _serve(connections: int) -> None:
    topics = [TopicSpec(name, 4) for name in (FIX, MESSAGE, REJECT)]
    async with MemoryLog() as log:
        await log.create_topics([*topics, TopicSpec(TALLY, 1, compacted=True)])
        settings = dataclasses.replace(
            IngestSettings(port=0, flush_after_s=0.25),
            max_connections=connections + SPARE_FILES,
            # They are silent until all are connected.
            limits=LimitSettings(first_line_s=600.0),
        )
        metrics = IngestMetrics(CollectorRegistry())
        async with IngestServer(settings, log, metrics, "idle") as server:
            print(*server.address, sep=":", flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        ends = [sum((await log.end_offsets(topic)).values()) for topic in (FIX, REJECT)]
    print(json.dumps({"fixes": ends[0], "rejects": ends[1]}), flush=True)


def _connect(address: tuple[str, int], number: int) -> socket.socket:
    source = (f"127.0.0.{2 + number % SOURCES}", 0)
    try:
        return socket.create_connection(address, timeout=10.0, source_address=source)
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
