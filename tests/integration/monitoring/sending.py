"""A small fleet on live connections, and clients that misbehave."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from services.nmea.checksum import checksum
from services.tools.fleet import make_fleet, sentences
from services.tools.sentence import sentence

EVERY_S = 0.2

ZONES = """{"type": "FeatureCollection", "features": [
 {"type": "Feature", "id": "roads", "properties": {"kind": "restricted", "radius": 800%s},
  "geometry": {"type": "Point", "coordinates": [121.5, 27.5]}},
 {"type": "Feature", "id": "harbour", "properties": {"kind": "port", "radius": 500},
  "geometry": {"type": "Point", "coordinates": [121.6, 27.6]}}]}"""


def now_us() -> int:
    """The present, in whole steps of what terminals send."""
    step_us = round(EVERY_S * 1_000_000)
    return time.time_ns() // 1000 // step_us * step_us


def crossing(step: int, *, speed_kn: float = 10.0) -> bytes:
    """An epoch of a ship with RTK that is in a zone for five steps, and outside for five."""
    seconds, fraction = divmod(now_us(), 1_000_000)
    moment = time.gmtime(seconds)
    clock = f"{time.strftime('%H%M%S', moment)}.{fraction // 1000:03}"
    place = f"27{'30' if step // 5 % 2 else '10'}.00000,N,12130.00000,E"
    date = time.strftime("%d%m%y", moment)
    return sentence(f"GNRMC,{clock},A,{place},{speed_kn:.1f},90.0,{date},,,A".encode()) + sentence(
        f"GNGGA,{clock},{place},4,20,0.6,3.0,M,9.8,M,,".encode()
    )


def _with_a_mistake(step: int) -> bytes:
    """Now and then a line is wrong, as everywhere."""
    epoch = crossing(step)
    return spoilt(epoch) + epoch if step % 10 == 0 else epoch


def login(terminal: str) -> bytes:
    """The sentence with which a terminal says who it is."""
    return sentence(f"PDPR,LOGIN,{terminal},".encode())


def spoilt(line: bytes) -> bytes:
    """The same line with a checksum that is wrong."""
    body = line[1 : line.index(b"*")]
    return b"$%b*%02X\r\n" % (body, checksum(body) ^ 1)


async def send(address: str, first: bytes, epoch: Callable[[int], bytes]) -> None:
    """Connect, say ``first``, then send an epoch every ``EVERY_S`` seconds until cancelled or
    refused; ``epoch`` gets 0, 1, 2 …"""
    host, port = address.removeprefix("tcp://").split(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(first)
            step = 0
            while True:
                writer.write(epoch(step))
                await writer.drain()
                step += 1
                await asyncio.sleep(EVERY_S)
        finally:
            writer.close()
    except ConnectionError:
        return


@asynccontextmanager
async def sending(address: str, first: bytes, epoch: Callable[[int], bytes]) -> AsyncIterator[None]:
    """``send`` while the block runs."""
    task = asyncio.create_task(send(address, first, epoch))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def fleet(address: str) -> AsyncIterator[None]:
    """Vehicles and ships of all kinds of receivers, and one that goes in and out of a zone."""
    async with AsyncExitStack() as stack:
        for terminal in make_fleet(2, 2):
            await stack.enter_async_context(
                sending(
                    address,
                    login(terminal.name),
                    lambda _, terminal=terminal: sentences(terminal, now_us()),  # type: ignore[misc]
                )
            )
        await stack.enter_async_context(sending(address, login("CROSSING"), _with_a_mistake))
        yield
