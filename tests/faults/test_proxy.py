"""The proxy does to a connection what it says, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.proxy import Proxy, Toxics, reset
from tests.faults.service import until


class Echo:
    """A server that sends back what it gets and remembers how it came."""

    def __init__(self) -> None:
        self.reads: list[bytes] = []
        self.ended: list[str] = []
        self.address = ("", 0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(1 << 16):
                self.reads.append(chunk)
                writer.write(chunk)
                await writer.drain()
            self.ended.append("eof")
        except ConnectionResetError:
            self.ended.append("reset")
        writer.close()


@pytest_asyncio.fixture
async def echo() -> AsyncIterator[Echo]:
    found = Echo()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.address = server.sockets[0].getsockname()[:2]
    yield found
    server.close()


async def until_ended(echo: Echo) -> str:
    async with asyncio.timeout(5):
        await until(lambda: bool(echo.ended))
    return echo.ended[0]


async def test_without_toxics_bytes_and_end_of_stream_pass_both_ways(echo: Echo) -> None:
    async with Proxy(echo.address) as proxy:
        reader, writer = await asyncio.open_connection(*proxy.address)
        writer.write(b"x" * 300_000)
        writer.write_eof()
        assert await reader.read(-1) == b"x" * 300_000
        assert await until_ended(echo) == "eof"


async def test_cut_resets_both_sides(echo: Echo) -> None:
    async with Proxy(echo.address) as proxy:
        reader, writer = await asyncio.open_connection(*proxy.address)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        assert proxy.cut() == 1
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        assert await until_ended(echo) == "reset"


async def test_cut_spares_those_not_chosen(echo: Echo) -> None:
    async with Proxy(echo.address) as proxy:
        links = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection(*proxy.address)
            writer.write(b"a")
            await reader.readexactly(1)
            links.append((reader, writer))
        assert proxy.cut(lambda number: number == 0) == 1
        links[1][1].write(b"b")
        assert await links[1][0].readexactly(1) == b"b"


async def test_hang_up_is_an_end_of_stream_for_both_sides(echo: Echo) -> None:
    async with Proxy(echo.address) as proxy:
        reader, writer = await asyncio.open_connection(*proxy.address)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        assert proxy.hang_up() == 1
        writer.write(b"lost")
        assert await reader.read(-1) == b""
        assert await until_ended(echo) == "eof"
        assert echo.reads == [b"hello"]


async def test_slices_arrive_one_by_one_and_whole(echo: Echo) -> None:
    async with Proxy(echo.address, Toxics(slice_bytes=1)) as proxy:
        reader, writer = await asyncio.open_connection(*proxy.address)
        writer.write(b"0123456789" * 10)
        assert await reader.readexactly(100) == b"0123456789" * 10
        assert len(echo.reads) > 10


async def test_half_open_passes_nothing_and_goes_on_when_it_ends(echo: Echo) -> None:
    async with Proxy(echo.address, Toxics(half_open=True)) as proxy:
        reader, writer = await asyncio.open_connection(*proxy.address)
        writer.write(b"ping")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(4), 0.2)
        assert echo.reads == []
        proxy.toxics.half_open = False
        assert await asyncio.wait_for(reader.readexactly(4), 5) == b"ping"


async def test_a_client_that_gives_up_half_open_takes_its_bytes_along(echo: Echo) -> None:
    async with Proxy(echo.address) as proxy:
        reader, writer = await asyncio.open_connection(*proxy.address)
        writer.write(b"one")
        await reader.readexactly(3)
        proxy.toxics.half_open = True
        writer.write(b"two")
        await writer.drain()
        await asyncio.sleep(0.05)
        reset(writer)
        await until_ended(echo)
        proxy.toxics.half_open = False
        assert b"".join(echo.reads) == b"one"


async def test_a_lost_reply_is_one_that_the_server_gave(echo: Echo) -> None:
    toxics = Toxics(lose_reply_to=lambda chunk: b"COMMIT" in chunk)
    async with Proxy(echo.address, toxics) as proxy:
        reader, writer = await asyncio.open_connection(*proxy.address)
        writer.write(b"BEGIN")
        assert await reader.readexactly(5) == b"BEGIN"
        writer.write(b"COMMIT")
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(6)
        assert echo.reads == [b"BEGIN", b"COMMIT"]
        assert proxy.replies_lost == 1
        assert toxics.lose_reply_to is None


async def test_throttle_and_latency_change_no_byte(echo: Echo) -> None:
    async with Proxy(echo.address, Toxics(latency_s=0.01, bytes_per_s=1e6)) as proxy:
        reader, writer = await asyncio.open_connection(*proxy.address)
        writer.write(b"abc" * 1000)
        assert await reader.readexactly(3000) == b"abc" * 1000


async def test_a_target_that_is_away_is_a_reset(echo: Echo) -> None:
    async with Proxy(("127.0.0.1", 1)) as proxy:
        reader, writer = await asyncio.open_connection(*proxy.address)
        writer.write(b"x")
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
