"""Terminals' lines over a real socket to the log."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from services.ingest.metrics import IngestMetrics
from services.ingest.server import IngestError, IngestServer
from services.ingest.session import Session
from services.ingest.settings import IngestSettings, SessionSettings
from services.log.base import REJECT, LogError
from services.nmea.terminal import Outcomes
from tests.integration.ingest.client import (
    PATIENCE_S,
    acknowledged,
    connect,
    ingest,
    settings,
)
from tests.unit.ingest.lines import ACK_ON, AIS, gga, login, rmc, sentence, stream
from tests.unit.ingest.logs import (
    TroubledLog,
    away,
    fixes,
    last_tally,
    messages,
    rejects,
)

HELLO = login("TRUCK-1") + ACK_ON
DAY = b"".join(
    sentence(f"GNRMC,12{s // 60:02}{s % 60:02}.00,A,28{s % 60:02}.0,N,12040.0,E,9.0,1.0,170625,,,A")
    + sentence(f"GNGGA,12{s // 60:02}{s % 60:02}.00,28{s % 60:02}.0,N,12040.0,E,1,12,0.8,5,M,5,M,,")
    for s in range(3000)
)
"""6,000 lines, some 450 kB: many reads, and many times what sockets buffer in small tests."""


def offline(data: bytes) -> list[tuple[str, int | None, int]]:
    """What a session makes of the data without a socket."""
    session = Session(SessionSettings(default_terminal="TRUCK-1"), "run")
    outs: list[Outcomes] = [session.receive(data, 0), session.end(0, clean=True)]
    return [(fix.terminal, fix.time_us, fix.lines) for out in outs for fix in out.fixes]


async def published(log: TroubledLog) -> list[tuple[str, int | None, int]]:
    return [(fix.terminal, fix.time_us, fix.lines) for fix in await fixes(log)]


async def test_a_capture_comes_to_the_log_as_it_decodes_offline(log: TroubledLog) -> None:
    async with ingest(log) as server, connect(server) as client:
        assert await client.send_all(DAY + AIS + b"noise\n") == []
    assert await published(log) == offline(DAY)
    assert [message.sentence for message in await messages(log)] == ["VDM"]
    assert [reject.line for reject in await rejects(log)] == [b"noise"]
    tally = await last_tally(log, "run")
    assert (tally.lines_read, tally.lines_pending) == (6002, 0)
    assert tally.lines_used == 6001


async def test_two_terminals_at_once_keep_apart_and_in_order(log: TroubledLog) -> None:
    async with (
        ingest(log) as server,
        connect(server) as first,
        connect(server) as second,
    ):
        await asyncio.gather(
            first.send_all(login("SHIP-1") + DAY), second.send_all(login("SHIP-2") + DAY)
        )
    found = await fixes(log)
    expected = [time for _, time, _ in offline(DAY)]
    for terminal in ("SHIP-1", "SHIP-2"):
        assert [fix.time_us for fix in found if fix.terminal == terminal] == expected


async def test_nothing_is_acknowledged_before_it_is_durable(log: TroubledLog) -> None:
    async with ingest(log) as server, connect(server) as client:
        log.open_gate.clear()
        await client.send(HELLO + stream(3))
        assert (await client.reader.readline()).startswith(b"$PDPR,OK")
        await log.asked.wait()
        assert await fixes(log) == []
        answer = asyncio.create_task(client.reader.readline())
        await asyncio.wait([answer], timeout=0)
        assert not answer.done()
        log.open_gate.set()
        assert (await answer).startswith(b"$PDPR,ACK,")
        assert await fixes(log) != []


async def test_the_end_of_the_stream_acknowledges_every_line(log: TroubledLog) -> None:
    async with ingest(log) as server, connect(server) as client:
        answers = await client.send_all(HELLO + DAY.rstrip())
    assert answers[0] == b"$PDPR,OK*3E"
    numbers = [acknowledged(answer) for answer in answers[1:]]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 6002


async def test_silence_acknowledges_the_last_epoch(log: TroubledLog) -> None:
    async with ingest(log, settings(flush_after_s=0.25)) as server, connect(server) as client:
        await client.send(HELLO + rmc(0))
        await client.acknowledged(3)
    assert [fix.lines for fix in await fixes(log)] == [1]


async def test_a_reset_in_acknowledged_mode_gives_the_open_epoch_up(log: TroubledLog) -> None:
    async with ingest(log) as server:
        async with connect(server) as client:
            await client.send(HELLO + rmc(0) + gga(0) + rmc(1))
            await client.acknowledged(4)
            client.reset()
        async with connect(server) as client:
            await client.send_all(HELLO + rmc(1) + gga(1))
    assert [fix.lines for fix in await fixes(log)] == [2, 2]
    reasons = [reject.reason for reject in await rejects(log)]
    assert reasons == ["connection_lost"]


async def test_a_slow_log_stops_the_reading_and_bounds_the_memory(log: TroubledLog) -> None:
    bound, paused = 100_000, asyncio.Event()
    metrics = IngestMetrics(CollectorRegistry())
    metrics.reading_pauses.inc = paused.set  # type: ignore[assignment, method-assign]
    async with (
        asyncio.timeout(PATIENCE_S),
        IngestServer(settings(in_flight_bytes=bound), log, metrics, "run") as server,
        connect(server) as client,
    ):
        log.open_gate.clear()
        sending = asyncio.create_task(client.send_all(DAY * 20))
        await paused.wait()
        waiting = server.waiting_bytes
        for _ in range(1000):
            await asyncio.sleep(0)
        assert not sending.done()
        # What one read brought is decoded before the pause takes hold.
        assert bound < waiting < bound + 1_500_000
        assert server.waiting_bytes == waiting
        log.open_gate.set()
        await sending
    tally = await last_tally(log, "run")
    assert tally.lines_read == 20 * 6000


async def test_a_log_that_was_away_gets_everything(log: TroubledLog) -> None:
    async with ingest(log) as server, connect(server) as client:
        log.failures = away(10)
        answers = await client.send_all(HELLO + DAY)
        assert answers[-1].startswith(b"$PDPR,ACK,6002*")
    assert await published(log) == offline(DAY)
    tally = await last_tally(log, "run")
    assert tally.lines_read == tally.lines_used == 6002
    assert tally.lines_control == 2


async def test_a_stop_publishes_what_was_read_and_says_so(log: TroubledLog) -> None:
    async with ingest(log, settings(flush_after_s=60.0)) as server:
        async with connect(server) as plain, connect(server) as careful:
            await plain.send(rmc(0) + b"noise\n")
            await careful.send(login("SHIP-1") + ACK_ON + stream(5) + rmc(6) + b"noise\n")
            await log.written(REJECT, 2)
            await server.__aexit__(None, None, None)
            *_, last = (await careful.reader.read()).splitlines()
            assert acknowledged(last) == 12
            assert await plain.reader.read() == b""
        found = await fixes(log)
        assert sorted(fix.terminal for fix in found) == ["SHIP-1"] * 5 + ["TRUCK-1"]
        reasons = [reject.reason for reject in await rejects(log)]
        assert sorted(reasons) == ["connection_lost", "not_nmea", "not_nmea"]
        tally = await last_tally(log, "run")
        assert (tally.lines_read, tally.lines_pending, tally.final) == (16, 0, True)


async def test_a_stop_that_the_log_never_hears_of_leaves_no_final_tally(
    log: TroubledLog, caplog: pytest.LogCaptureFixture
) -> None:
    async with ingest(log, settings(stop_timeout_s=0.05)) as server, connect(server) as client:
        await client.send_all(HELLO + stream(5))
        log.open_gate.clear()
    log.open_gate.set()
    assert not (await last_tally(log, "run")).final
    assert "without this run's last tally" in caplog.text


async def test_a_stop_with_the_log_away_ends_in_time(
    log: TroubledLog, caplog: pytest.LogCaptureFixture
) -> None:
    async with ingest(log, settings(stop_timeout_s=0.05)) as server, connect(server) as client:
        log.open_gate.clear()
        await client.send(stream(5))
        await log.asked.wait()
    assert "not in the log" in caplog.text


async def test_a_log_that_refuses_for_good_is_told(log: TroubledLog) -> None:
    async with ingest(log) as server, connect(server) as client:
        log.failures = [LogError("the disk is full")] * 3
        await client.send(stream(5))
        with pytest.raises(IngestError, match="the disk is full"):
            await server.wait()


async def test_a_refused_login_is_told_and_closed(log: TroubledLog) -> None:
    async with ingest(log) as server, connect(server) as client:
        await client.send(sentence("PDPR,LOGIN,x,secret"))
        assert (await client.reader.read()).startswith(b"$PDPR,NO,terminal*")
    assert [reject.reason for reject in await rejects(log)] == ["login_refused"]


async def test_a_port_in_use_is_named_with_a_remedy(log: TroubledLog) -> None:
    async with ingest(log) as server:
        taken = IngestSettings(port=server.address[1])
        second = IngestServer(taken, log, IngestMetrics(CollectorRegistry()), "run")
        with pytest.raises(IngestError, match=f"port {taken.port} .* in use .* --port"):
            await second.__aenter__()


async def test_many_connections_come_and_go(log: TroubledLog) -> None:
    async def visit(number: int, server: IngestServer) -> list[bytes]:
        async with connect(server) as client:
            return await client.send_all(login(f"TRUCK-{number}") + ACK_ON + stream(3))

    async with ingest(log) as server:
        answers = await asyncio.gather(*(visit(number, server) for number in range(100)))
    assert all(answer[-1].startswith(b"$PDPR,ACK,8*") for answer in answers)
    assert len(await fixes(log)) == 300
