"""Hostile clients on real sockets: each is stopped, and a terminal beside it loses nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from prometheus_client import CollectorRegistry

from services.ingest.door import Door
from services.ingest.metrics import IngestMetrics
from services.ingest.registry import Registry
from services.ingest.server import IngestServer
from services.ingest.settings import IngestSettings, LimitSettings
from services.ingest.throttle import Throttle
from services.runtime.audit import Audit
from services.terminals.records import Terminal
from services.terminals.tokens import SALT_BYTES, hash_token
from tests.integration.ingest.client import FAST, Client, connect, ingest, settings
from tests.unit.ingest.lines import ACK_ON, epoch, login, rmc, sentence, stream
from tests.unit.ingest.logs import TroubledLog, fixes, last_tally, rejects

JUNK = b"no sentence\r\n"
MORE_THAN_SOCKETS_HOLD = 16 << 20


def limited(**limits: float) -> IngestSettings:
    """A server with these limits and no other that a test could run into."""
    return settings(None, limits=LimitSettings(**limits))  # type: ignore[arg-type]


@asynccontextmanager
async def beside_a_neighbour(
    log: TroubledLog, wanted: IngestSettings, door: Door | None = None
) -> AsyncIterator[IngestServer]:
    """A server with a neighbour behind the same address as the test's clients. It sends one
    second after the other, each when the one before is acknowledged; all become fixes."""
    sent, stopping = 0, asyncio.Event()

    async def sail(client: Client) -> None:
        nonlocal sent
        await client.send(login("SHIP-9") + ACK_ON)
        while sent < 5 or (not stopping.is_set() and sent < 60):
            await client.send(epoch(sent))
            sent += 1
            await client.acknowledged(2 * sent)
        await client.send_all(b"")

    async with ingest(log, wanted, door) as server, connect(server) as client:
        sailing = asyncio.create_task(sail(client))
        yield server
        stopping.set()
        await sailing
    times = [fix.time_us for fix in await fixes(log) if fix.terminal == "SHIP-9"]
    assert len(times) == len(set(times)) == sent


async def until_closed(client: Client) -> bytes:
    """What came until the server closed, be it in order or by a reset."""
    got = b""
    with suppress(ConnectionError):
        while piece := await client.reader.read(65536):
            got += piece
    return got


async def keep_sending(client: Client, data: bytes, pause_s: float = 0.0) -> None:
    """The same bytes again and again, until the server closes."""
    with suppress(ConnectionError):
        while not client.writer.transport.is_closing():
            await client.send(data)
            await asyncio.sleep(pause_s)


async def test_a_client_that_says_nothing_is_closed(log: TroubledLog) -> None:
    async with (
        beside_a_neighbour(log, limited(first_line_s=0.25)) as server,
        connect(server) as silent,
    ):
        assert await until_closed(silent) == b""


async def test_a_slow_sender_is_closed_with_its_line_unfinished(log: TroubledLog) -> None:
    async with beside_a_neighbour(log, limited(line_s=0.5)) as server, connect(server) as slow:
        await slow.send(login("TRUCK-1") + rmc(0))
        sending = asyncio.create_task(keep_sending(slow, b"$", 0.05))
        assert await until_closed(slow) == b"$PDPR,OK*3E\r\n"
        await sending
    assert [fix.terminal for fix in await fixes(log) if fix.terminal != "SHIP-9"] == ["TRUCK-1"]


async def test_an_endless_line_is_one_reject_and_the_end(log: TroubledLog) -> None:
    async with beside_a_neighbour(log, limited(line_s=1.0)) as server, connect(server) as endless:
        await endless.send(login("TRUCK-1"))
        await asyncio.gather(keep_sending(endless, b"A" * 65536, 0.001), until_closed(endless))
    (reject,) = await rejects(log)
    assert (reject.reason, len(reject.line) <= 1_024) == ("line_too_long", True)


async def test_an_idle_terminal_is_closed_after_its_fix_was_kept(log: TroubledLog) -> None:
    async with ingest(log, limited(idle_s=0.5)) as server, connect(server) as idle:
        await idle.send(login("TRUCK-1") + rmc(0))
        await until_closed(idle)
    assert [fix.lines for fix in await fixes(log)] == [1]


async def test_a_flood_of_connections_leaves_room_for_those_who_said_who_they_are(
    log: TroubledLog,
) -> None:
    wanted = limited(unidentified_per_address=20, new_per_address_per_s=100_000)
    async with beside_a_neighbour(log, wanted) as server:
        host, port = server.address
        flood = [await asyncio.open_connection(host, port) for _ in range(300)]
        refused = asyncio.Event()
        closed = 0

        async def watch(reader: asyncio.StreamReader) -> None:
            nonlocal closed
            with suppress(ConnectionError):
                await reader.read()
            closed += 1
            if closed == 280:
                refused.set()

        watching = [asyncio.create_task(watch(reader)) for reader, _ in flood]
        await refused.wait()
        # Behind another address there is room.
        reader, writer = await asyncio.open_connection(host, port, local_addr=("127.0.0.2", 0))
        writer.write(login("TRUCK-2"))
        assert await reader.readline() == b"$PDPR,OK*3E\r\n"
        writer.close()
        for _, one in flood:
            one.close()
        await asyncio.gather(*watching)
        # And behind this one, too, once the flood has gone.
        async with connect(server) as late:
            await late.send(login("TRUCK-3"))
            assert await late.reader.readline() == b"$PDPR,OK*3E\r\n"


async def test_a_storm_of_connections_is_held_to_its_rate(log: TroubledLog) -> None:
    wanted = limited(new_per_address_per_s=10)
    async with beside_a_neighbour(log, wanted) as server:
        host, port = server.address
        answered = 0
        for _ in range(100):
            reader, writer = await asyncio.open_connection(host, port)
            with suppress(ConnectionError):
                writer.write(login("TRUCK-1"))
                answered += await reader.read(1) == b"$"
            writer.close()
        assert 0 < answered < 90


async def test_a_terminal_that_sends_too_fast_is_slowed_and_loses_nothing(
    log: TroubledLog, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = limited(terminal_lines_per_s=20_000, terminal_burst_lines=1_000)
    async with beside_a_neighbour(log, wanted) as server, connect(server) as fast:
        answers = await fast.send_all(login("TRUCK-1") + ACK_ON + stream(50) * 200)
    assert answers[-1].startswith(b"$PDPR,ACK,20002*")
    assert any(line.startswith("limit terminal_rate: terminal TRUCK-1") for line in caplog.messages)
    tally = await last_tally(log, "run")
    assert tally.lines_read == tally.lines_used + sum(tally.lines_rejected.values())


@pytest.mark.parametrize("way", [login("TRUCK-1"), sentence("PGID,TRUCK-1")])
async def test_a_noisy_terminal_is_shut_out_and_the_others_of_its_address_are_not(
    log: TroubledLog, way: bytes
) -> None:
    async with beside_a_neighbour(log, settings(None)) as server:
        async with connect(server) as noisy:
            await noisy.send(way + JUNK * 60)
            await until_closed(noisy)
        async with connect(server) as again:
            await again.send(way + stream(3))
            answer = await until_closed(again)
            assert answer in (b"", b"$PDPR,NO,banned*15\r\n")
        async with connect(server) as other:
            await other.send_all(login("TRUCK-2") + stream(3))
    assert {fix.terminal for fix in await fixes(log)} == {"SHIP-9", "TRUCK-2"}


async def test_a_client_that_reads_no_answers_is_closed(log: TroubledLog) -> None:
    async with beside_a_neighbour(log, settings(None)) as server:
        host, port = server.address
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, (host, port))
        sent = 0
        with suppress(ConnectionError):
            while sent < 4 * MORE_THAN_SOCKETS_HOLD:
                data = login("TRUCK-1") * 1_000
                await loop.sock_sendall(deaf, data)
                sent += len(data)
        deaf.close()
        assert sent < 4 * MORE_THAN_SOCKETS_HOLD


def guarded() -> Door:
    """Knows the terminals TRUCK-1, with a token, and SHIP-9, which needs none."""
    registry = Registry()
    token = hash_token("k7Gf2-is-right", bytes(SALT_BYTES))
    registry.replace([Terminal("TRUCK-1", token=token), Terminal("SHIP-9")])
    return Door(registry, Throttle(10), IngestMetrics(CollectorRegistry()), Audit())


@pytest.mark.parametrize(
    "theft",
    [
        sentence("PGID,TRUCK-1"),
        login("TRUCK-1", "a-guess"),
        sentence("PDPR,LOGIN,TRUCK-1"),
        login("TRUCK-1/../../etc"),
        login("$(reboot)"),
    ],
)
async def test_a_stolen_or_forged_name_gives_no_fix_and_its_owner_goes_on(
    log: TroubledLog, theft: bytes
) -> None:
    async with (
        beside_a_neighbour(log, settings(None), guarded()) as server,
        connect(server) as owner,
        connect(server) as thief,
    ):
        await owner.send(login("TRUCK-1", "k7Gf2-is-right") + ACK_ON + stream(3))
        await owner.acknowledged(2)
        await thief.send(theft + stream(50))
        thief.writer.write_eof()
        await until_closed(thief)
        await owner.send(b"".join(epoch(second) for second in range(3, 6)))
        answers = await owner.send_all(b"")
    assert answers[-1].startswith(b"$PDPR,ACK,14*")
    found = [fix.terminal for fix in await fixes(log) if fix.terminal != "SHIP-9"]
    assert found == ["TRUCK-1"] * 6


async def test_guesses_of_a_token_are_throttled_and_the_owner_behind_that_address_is_not(
    log: TroubledLog,
) -> None:
    async with (
        beside_a_neighbour(log, settings(None), guarded()) as server,
        connect(server) as owner,
    ):
        await owner.send(login("TRUCK-1", "k7Gf2-is-right"))
        assert await owner.reader.readline() == b"$PDPR,OK*3E\r\n"
        answers = []
        for guess in range(30):
            async with connect(server) as guesser:
                await guesser.send(login("TRUCK-1", f"guess-{guess}"))
                answers.append((await until_closed(guesser)).split(b"*")[0])
        assert answers.count(b"$PDPR,NO,refused") >= 10
        assert answers[-1] == b"$PDPR,NO,throttled"
        await owner.send_all(stream(3))
    assert [fix.terminal for fix in await fixes(log) if fix.terminal != "SHIP-9"] == ["TRUCK-1"] * 3


async def test_no_more_connections_than_allowed_are_open(log: TroubledLog) -> None:
    wanted = settings(None, max_connections=3, limits=FAST)
    async with (
        beside_a_neighbour(log, wanted) as server,
        connect(server) as first,
        connect(server) as second,
    ):
        for client in (first, second):
            await client.send(login("TRUCK-1"))
            assert await client.reader.readline() == b"$PDPR,OK*3E\r\n"
        async with connect(server) as fourth:
            assert await until_closed(fourth) == b""
        await first.send_all(stream(3))
