from __future__ import annotations

import asyncio
import re

import pytest

from loadtests.fleet_tool import sent_text
from loadtests.load import Generators, LoadError
from loadtests.options import Options, Sizes, faults
from loadtests.orders import Load, Progress, command, load_from
from loadtests.pipeline import environment
from loadtests.schedule import Schedule
from loadtests.track import make_tracks
from services.nmea.stream import Stream
from services.tools.fleet import Faults
from services.tools.fleet.prepared import Moment, moment


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


def test_a_change_of_rate_keeps_what_was_due_and_never_repeats_a_time():
    terminals = [Remembering() for _ in range(20)]
    schedule = Schedule(terminals, 100, 5_000_000)
    schedule.change_rate(1000, 1.0)
    schedule.change_rate(50, 2.0)
    schedule.send_until(4.0)
    assert sum(len(terminal.times) for terminal in terminals) == 100 + 1000 + 100
    for terminal in terminals:
        assert terminal.times == sorted(set(terminal.times))


@pytest.mark.parametrize(("full", "lines"), [(False, 2), (True, 6)])
def test_a_track_gives_one_fix_an_epoch(full, lines):
    for track in make_tracks(1_760_000_000_000_000, 1, full=full)[:4]:
        time_us = 1_760_000_000_000_000
        data = track.epoch(3, time_us, moment(time_us))
        stream = Stream("any")
        results = [stream.feed(data, 0), stream.finish(0)]
        (fix,) = [fix for result in results for fix in result.fixes]
        assert not any(result.rejects for result in results)
        assert fix.time_us == time_us
        assert fix.lines == data.count(b"\n") >= lines


def address(ingest) -> tuple[str, int]:
    host, port = re.fullmatch(r"tcp://(.*):(\d+)", ingest.url).groups()
    return host, int(port)


async def send(load: Load) -> Progress:
    async with Generators([load]) as generators:
        await generators.go()
        while not generators.done:
            await asyncio.wait(generators.readers)
        return generators.progress()


@pytest.mark.parametrize("acknowledged", [False, True])
async def test_a_generator_sends_as_many_fixes_as_it_says(ingest, acknowledged):
    progress = await send(Load(*address(ingest), 10, 1, 100, 1, acknowledged))
    assert progress.fixes == 100
    assert len(ingest.logins) == 10
    assert len(ingest.lines) == 200
    assert {line[3:6] for line in ingest.lines} == {b"RMC", b"GGA"}
    assert not Stream("any").feed(b"\n".join(ingest.lines[:1]), 0).rejects


async def test_terminals_reconnect_and_keep_every_epoch_through_dead_spots(ingest):
    field = Faults(offline=0.1, offline_epochs=5, reconnects=0.05)
    progress = await send(Load(*address(ingest), 5, 1, 100, 2, faults=field))
    assert progress.fixes == 200
    assert len(ingest.lines) == 400
    assert ingest.connections > 10


async def test_after_a_drop_half_send_what_they_remember_and_all_what_may_be_lost(ingest):
    load = Load(*address(ingest), 10, 1, 100, None, True, remember_s=60)
    async with Generators([load]) as generators:
        await generators.go()
        while generators.progress().fixes < 50:
            await asyncio.wait(generators.readers, timeout=0.05)
        await generators.drop(0.1, 0.5)
        while not generators.progress().logins_s:
            await asyncio.wait(generators.readers, timeout=0.05)
        await generators.stop()
        await asyncio.wait(generators.readers)
        progress = generators.progress()
    assert ingest.connections == 20
    assert progress.reconnected == 10
    assert progress.resent >= 25
    assert len(set(ingest.durable)) == 2 * progress.fixes


async def test_a_generator_that_is_refused_says_why(ingest):
    ingest.refuse = "no room"
    with pytest.raises(LoadError, match="no room"):
        async with Generators([Load(*address(ingest), 1, 1, rate=1, seconds=1)]):
            pass


async def test_a_connection_that_the_server_ends_in_the_middle_fails_the_load(ingest):
    ingest.cut_after_lines = [20]
    with pytest.raises(LoadError, match="the server closed the connection in the middle"):
        await send(Load(*address(ingest), 1, 1, 50, 2))


async def test_an_acknowledged_terminal_sends_again_what_a_cut_connection_lost(ingest):
    ingest.cut_after_lines = [20, 30]
    progress = await send(Load(*address(ingest), 1, 1, 50, 2, True))
    assert progress.fixes == 100
    assert progress.resent > 0
    assert len(set(ingest.durable)) == 200


def test_a_load_survives_its_command_line():
    load = Load("h", 1, 2, 3, 4.0, None, True, faults=Faults(missing=0.5), remember_s=60)
    assert load_from(command(load)[-1]) == load


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("mising=0.1", "mising is no fault"), ("missing=x", "no number"), ("missing=2", "0 to 1")],
)
def test_faults_that_make_no_sense_are_refused(text, wrong):
    with pytest.raises(Exception, match=wrong):
        faults(text)


def test_faults_are_named_shares():
    found = faults("missing=0.01,offline_epochs=5,reconnects=1")
    assert found == Faults(missing=0.01, offline_epochs=5, reconnects=1)


def test_settings_that_do_not_exist_are_not_set():
    found = environment(500, {"no_such_setting": 1, "store_connections": 3})
    assert found["DIPPER_INGEST_MAX_CONNECTIONS"] == "1500"
    assert found["DIPPER_STORE_CONNECTIONS"] == "3"
    assert "DIPPER_NO_SUCH_SETTING" not in found


def test_options_hand_the_load_everything_that_was_asked_for():
    load = Options(Sizes(1, 2, 3), "kafka", 4, True, True, Faults(missing=0.1), 5).load
    assert (load.rate, load.terminals, load.seconds, load.generators) == (1, 2, 3, 4)
    assert (load.log, load.acknowledged, load.full, load.seed) == ("kafka", True, True, 5)
    assert load.faults == Faults(missing=0.1)


@pytest.mark.parametrize(
    ("cpu_s", "late_s", "verdict"),
    [
        (9.5, 0.0, "was the bottleneck"),
        (1.0, 1.0, "the machine was full"),
        (1.0, 0.0, "was not the bottleneck"),
    ],
)
def test_the_simulator_says_whether_it_was_the_bottleneck(cpu_s, late_s, verdict):
    text = sent_text(Progress(10.0, 1000, 0, 0.0, cpu_s), 10.0, late_s, 1)
    assert verdict in text
    assert "1,000 fixes" in text
