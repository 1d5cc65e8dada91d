from __future__ import annotations

import asyncio
import re

import pytest

from loadtests.generator import Load, Schedule
from loadtests.load import Generators, LoadError
from services.nmea.stream import Stream
from services.tools.fleet.prepared import Moment


class Remembering:
    def __init__(self) -> None:
        self.times: list[int] = []

    def send(self, time_us: int, now: Moment) -> None:
        self.times.append(time_us)


@pytest.mark.parametrize("rate", [10.0, 333.0, 1000.0])
@pytest.mark.parametrize("steps", [[4.0], [0.01 * step for step in range(401)]])
def test_the_schedule_keeps_the_rate_and_never_gives_a_terminal_one_time_twice(rate, steps):
    terminals = [Remembering() for _ in range(20)]
    schedule = Schedule(terminals, rate, 5_000_000)
    for seconds in steps:
        schedule.send_until(seconds)
    assert sum(len(terminal.times) for terminal in terminals) == int(4 * rate)
    for terminal in terminals:
        assert terminal.times == sorted(set(terminal.times))
        assert terminal.times[0] >= 5_000_000
        assert terminal.times[-1] < 9_000_000


async def test_a_generator_sends_as_many_fixes_as_it_says(ingest):
    host, port = re.fullmatch(r"tcp://(.*):(\d+)", ingest.url).groups()
    load = Load(host, int(port), terminals=10, first_terminal=1, rate=100, seconds=1)
    async with Generators([load]) as generators:
        await generators.go()
        while not generators.done:
            await asyncio.wait(generators.readers)
        sent = generators.progress().fixes
    assert sent == 100
    assert len(ingest.logins) == 10
    assert len(ingest.lines) == 200
    assert {line[3:6] for line in ingest.lines} == {b"RMC", b"GGA"}
    assert not Stream("any").feed(b"\n".join(ingest.lines[:1]), 0).rejects


async def test_a_generator_that_is_refused_says_why(ingest):
    ingest.refuse = "no room"
    host, port = re.fullmatch(r"tcp://(.*):(\d+)", ingest.url).groups()
    with pytest.raises(LoadError, match="no room"):
        async with Generators([Load(host, int(port), 1, 1, rate=1, seconds=1)]):
            pass
