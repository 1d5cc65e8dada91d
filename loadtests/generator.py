"""The load generator: many terminals, each on a connection of its own, in a process of its own.

Run by a scenario: a load as JSON on the command line, ``ready`` on standard output when all are
logged in, then orders on standard input, one a line, and a JSON object four times a second on
standard output until done:

    go                 begin to send
    rate FIXES         from now on so many fixes a second, all terminals together
    drop SECONDS SHARE break all connections, open them again spread over so many seconds; this
                       share of the terminals sends all that it remembers once more
    stop               end all connections in order
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import uvloop

from loadtests.orders import Load, Progress, load_from
from loadtests.processes import allow_open_files
from loadtests.schedule import MAX_RATE_A_TERMINAL, TICK_S, Schedule
from loadtests.terminal import Manners, Terminal
from loadtests.track import TRACKS, make_tracks

REPORT_S = 0.25
LOGIN_BATCH = 200
LOGIN_TIMEOUT_S = 30.0
END_TIMEOUT_S = 120.0
SPARE_FILES = 100


class Fleet:
    """The terminals of one generator, and the clock that they share."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.terminals: list[Terminal] = []
        self.schedule = Schedule([], 1, 0)
        self.stopping = asyncio.Event()
        self.began = 0.0
        self._cpu_before = 0.0
        self._late = 0.0
        self._logins: list[float] = []
        self._storm: asyncio.Task[None] | None = None
        self._storm_s: float | None = None

    async def connect(self) -> None:
        """Log all in. Raises OSError, ConnectionError, TimeoutError."""
        load = self.load
        manners = Manners(
            load.acknowledged, load.faults, load.seed, int(load.remember_s * 1_000_000)
        )
        tracks = make_tracks(int(time.time()) * 1_000_000, load.first_terminal, full=load.full)
        for start in range(0, load.terminals, LOGIN_BATCH):
            numbers = range(start, min(start + LOGIN_BATCH, load.terminals))
            batch = [
                Terminal(
                    number, f"L{load.first_terminal + number:05}", tracks[number % TRACKS], manners
                )
                for number in numbers
            ]
            async with asyncio.timeout(LOGIN_TIMEOUT_S):
                await asyncio.gather(*(one.connect(load.host, load.port) for one in batch))
            self.terminals += batch

    def begin(self) -> None:
        """The schedule starts now."""
        self.schedule = Schedule(self.terminals, self.load.rate, time.time_ns() // 1000)
        self.began, self._cpu_before = time.monotonic(), time.process_time()

    async def send(self) -> None:
        """Send by the schedule until told to stop, then end all connections.

        Raises ConnectionError, TimeoutError.
        """
        limit = float("inf") if self.load.seconds is None else self.load.seconds
        next_tick, next_report = self.began, self.began + REPORT_S
        while True:
            now = time.monotonic()
            self._late = max(self._late, now - next_tick)
            elapsed = min(now - self.began, limit)
            self.schedule.send_until(elapsed)
            if now >= next_report:
                self.tell()
                next_report += REPORT_S
            if elapsed >= limit or self.stopping.is_set():
                break
            next_tick = max(next_tick + TICK_S, time.monotonic())
            await asyncio.sleep(next_tick - time.monotonic())
        if self._storm is not None:
            await self._all_back(self._storm)
        await self._end()

    def obey(self, order: str, *arguments: str) -> None:
        """Do what a line on standard input says."""
        if order == "rate":
            self.schedule.change_rate(float(arguments[0]), time.monotonic() - self.began)
        elif order == "drop":
            seconds, share = map(float, arguments)
            self._storm = asyncio.create_task(self._drop(seconds, share))
        elif order == "stop":
            self.stopping.set()
        else:
            raise ValueError(f"{order} is no order")

    def tell(self) -> None:
        """One line of progress."""
        terminals = self.terminals
        progress = Progress(
            time.monotonic() - self.began,
            sum(one.fixes for one in terminals),
            sum(len(one.waiting) for one in terminals),
            self._late,
            time.process_time() - self._cpu_before,
            sum(one.resent for one in terminals),
            sum(one.refused for one in terminals),
            len(self._logins),
            self._login_times(),
        )
        self._late = 0.0
        print(json.dumps(progress._asdict()), flush=True)

    async def _drop(self, seconds: float, share: float) -> None:
        began = time.monotonic()
        for terminal in self.terminals:
            terminal.drop()

        async def back(terminal: Terminal, number: int) -> None:
            due = began + seconds * number / len(self.terminals)
            await asyncio.sleep(due - time.monotonic())
            connecting = time.monotonic()
            # Every so-manieth, so that the share is even over the time.
            again = int((number + 1) * share) > int(number * share)
            await terminal.reconnect(again=again)
            self._logins.append(time.monotonic() - connecting)

        await asyncio.gather(*(back(one, number) for number, one in enumerate(self.terminals)))
        self._storm_s = time.monotonic() - began

    async def _all_back(self, storm: asyncio.Task[None]) -> None:
        await asyncio.wait([storm], timeout=END_TIMEOUT_S)
        if not storm.done():
            missing = len(self.terminals) - len(self._logins)
            raise ConnectionError(f"{missing:,} terminals could not connect again")
        storm.result()

    def _login_times(self) -> tuple[float, ...]:
        if self._storm_s is None:
            return ()
        times = sorted(self._logins)
        last = len(times) - 1
        return times[last // 2], times[int(last * 0.99)], times[last], self._storm_s

    async def _end(self) -> None:
        async with asyncio.timeout(END_TIMEOUT_S):
            ending = asyncio.gather(*(one.finish() for one in self.terminals))
            while not ending.done():
                await asyncio.wait([ending], timeout=REPORT_S)
                self.tell()
            await ending


async def run(load: Load) -> None:
    """Connect, wait for ``go``, do as told. Raises OSError, ConnectionError, ValueError."""
    if load.rate / load.terminals > MAX_RATE_A_TERMINAL:
        raise ValueError("a terminal sends at most 50 fixes a second: use more terminals")
    allow_open_files(load.terminals + SPARE_FILES)
    fleet = Fleet(load)
    await fleet.connect()
    print("ready", flush=True)
    orders = await _standard_input()
    await orders.readline()
    fleet.begin()
    obeying = asyncio.create_task(_obey(orders, fleet))
    sending = asyncio.create_task(fleet.send())
    await asyncio.wait([obeying, sending], return_when=asyncio.FIRST_COMPLETED)
    if obeying.done():
        obeying.result()
    await sending
    obeying.cancel()


async def _obey(orders: asyncio.StreamReader, fleet: Fleet) -> None:
    """Until standard input ends: who gave the orders is gone, or has none any more."""
    while line := await orders.readline():
        fleet.obey(*line.decode().split())


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    return reader


if __name__ == "__main__":
    uvloop.run(run(load_from(sys.argv[1])))
