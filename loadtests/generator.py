"""The load generator: many terminals, each on a connection of its own, in a process of its own.

Run by a scenario: settings as JSON on the command line, ``ready`` on standard output when all are
logged in, then ``go`` awaited on standard input, then a JSON object four times a second until done.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import NamedTuple, cast

import uvloop

from services.tools.fleet import make_fleet
from services.tools.fleet.prepared import Moment, Place, epoch, moment, prepare
from services.tools.sentence import sentence

TICK_S = 0.01
TICK_US = 10_000
REPORT_S = 0.25
MAX_RATE_A_TERMINAL = 50
"""Two fixes of one terminal never share a tick, and so never a time."""
TRACKS = 16
PLACES_A_TRACK = 600
LOGIN_BATCH = 200
LOGIN_TIMEOUT_S = 30.0
END_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """What one generator does."""

    host: str
    port: int
    terminals: int
    first_terminal: int
    """Number of the first; names are ``L00001`` …"""
    rate: float
    """Fixes a second, all terminals together; each fix is RMC and GGA."""
    seconds: float


class Progress(NamedTuple):
    """Where a generator is."""

    seconds: float
    """Since ``go``."""
    fixes: int
    """Handed to the connections so far."""
    held_back: int
    """Due, but their connections are full: the server reads more slowly than they come."""
    late_s: float
    """How far the generator itself was behind its schedule, at worst since the last report."""
    cpu_s: float
    """Processor time since ``go``."""


class Terminal(asyncio.Protocol):
    """One connection. Epochs that are due while the connection is full are sent later."""

    def __init__(self, name: str, places: list[Place], offset: int) -> None:
        self.name = name
        self.logged_in: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.fixes = 0
        self.waiting: deque[int] = deque()
        """Times (microseconds) of epochs that are held back."""
        self._places = places
        self._next = offset
        self._full = False
        self._finishing = False
        self._transport: asyncio.Transport | None = None

    async def connect(self, host: str, port: int) -> None:
        """Open the connection; the login goes out with it. Raises OSError."""
        await asyncio.get_running_loop().create_connection(lambda: self, host, port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(sentence(b"PDPR,LOGIN," + self.name.encode()))

    def data_received(self, data: bytes) -> None:
        if not self.logged_in.done():
            if b"PDPR,OK" in data:
                self.logged_in.set_result(None)
            else:
                self.logged_in.set_exception(ConnectionError(data.decode("ascii", "replace")))

    def connection_lost(self, error: Exception | None) -> None:
        lost = error or ConnectionError("the server closed the connection")
        if not self.logged_in.done():
            self.logged_in.set_exception(lost)
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(lost)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        while self.waiting and not self._full:
            self._write(moment(self.waiting.popleft()))
        if self._finishing:
            self.finish()

    def send(self, time_us: int, now: Moment) -> None:
        """One epoch of this time."""
        if self._full:
            self.waiting.append(time_us)
        else:
            self._write(now)

    def finish(self) -> None:
        """Say that nothing more will come, once everything that waits has been sent."""
        assert self._transport is not None
        self._finishing = True
        if not self.waiting:
            self._transport.write_eof()

    def _write(self, now: Moment) -> None:
        assert self._transport is not None
        self._next = (self._next + 1) % len(self._places)
        self._transport.write(epoch(self._places[self._next], now))
        self.fixes += 1


class Schedule:
    """Fix number n of all terminals is due n / rate seconds after the start."""

    def __init__(self, terminals: list[Terminal], rate: float, start_us: int) -> None:
        self._terminals = terminals
        self._rate = rate
        self._start_us = start_us - start_us % TICK_US
        self._sent = 0

    def send_until(self, seconds: float) -> None:
        """Send what is due by then; fixes of one tick carry the same time."""
        due = int(seconds * self._rate)
        terminals, count = self._terminals, len(self._terminals)
        while self._sent < due:
            tick = int(self._sent / self._rate / TICK_S)
            tick_end = min(due, int((tick + 1) * TICK_S * self._rate) + 1)
            time_us = self._start_us + tick * TICK_US
            now = moment(time_us)
            for number in range(self._sent, max(tick_end, self._sent + 1)):
                terminals[number % count].send(time_us, now)
            self._sent = max(tick_end, self._sent + 1)


async def run(load: Load) -> None:
    """Connect, wait for ``go``, send, end the connections. Raises OSError, ConnectionError."""
    if load.rate / load.terminals > MAX_RATE_A_TERMINAL:
        raise ValueError("a terminal sends at most 50 fixes a second: use more terminals")
    terminals = await _connect(load)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await _send(load, terminals)


async def _connect(load: Load) -> list[Terminal]:
    start_us = int(time.time()) * 1_000_000
    fleet = make_fleet(TRACKS // 2, TRACKS // 2, seed=load.first_terminal)
    tracks = [prepare(terminal, start_us, PLACES_A_TRACK) for terminal in fleet]
    terminals: list[Terminal] = []
    for start in range(0, load.terminals, LOGIN_BATCH):
        numbers = range(start, min(start + LOGIN_BATCH, load.terminals))
        batch = [
            Terminal(f"L{load.first_terminal + number:05}", tracks[number % TRACKS], number)
            for number in numbers
        ]
        async with asyncio.timeout(LOGIN_TIMEOUT_S):
            await asyncio.gather(*(terminal.connect(load.host, load.port) for terminal in batch))
            await asyncio.gather(*(terminal.logged_in for terminal in batch))
        terminals += batch
    return terminals


async def _send(load: Load, terminals: list[Terminal]) -> None:
    schedule = Schedule(terminals, load.rate, time.time_ns() // 1000)
    began, cpu_before = time.monotonic(), time.process_time()
    next_tick, next_report, late = began, began + REPORT_S, 0.0
    while True:
        now = time.monotonic()
        late = max(late, now - next_tick)
        elapsed = min(now - began, load.seconds)
        schedule.send_until(elapsed)
        held_back = (
            sum(len(terminal.waiting) for terminal in terminals) if now >= next_report else 0
        )
        if now >= next_report:
            _tell(now - began, terminals, held_back, late, time.process_time() - cpu_before)
            next_report, late = next_report + REPORT_S, 0.0
        if elapsed >= load.seconds:
            break
        next_tick = max(next_tick + TICK_S, time.monotonic())
        await asyncio.sleep(next_tick - time.monotonic())
    for terminal in terminals:
        terminal.finish()
    async with asyncio.timeout(END_TIMEOUT_S):
        await asyncio.gather(*(terminal.ended for terminal in terminals))
    _tell(time.monotonic() - began, terminals, 0, late, time.process_time() - cpu_before)


def _tell(
    seconds: float, terminals: list[Terminal], held_back: int, late_s: float, cpu_s: float
) -> None:
    fixes = sum(terminal.fixes for terminal in terminals)
    progress = Progress(seconds, fixes, held_back, late_s, cpu_s)
    print(json.dumps(progress._asdict()), flush=True)


def command(load: Load) -> list[str]:
    """The command that starts a generator for this load."""
    return [sys.executable, "-m", "loadtests.generator", json.dumps(asdict(load))]


if __name__ == "__main__":
    uvloop.run(run(Load(**json.loads(sys.argv[1]))))
