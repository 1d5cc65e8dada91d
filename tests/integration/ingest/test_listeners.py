"""What the system is told of a connection, on a real socket and both loops."""

from __future__ import annotations

import asyncio
import socket

from services.ingest.listeners import Listeners
from services.ingest.settings import IngestSettings, LimitSettings
from tests.unit.ingest.bench import Bench

LIMITS = LimitSettings(keepalive_idle_s=77, keepalive_interval_s=7, keepalive_probes=5)


async def test_every_connection_has_keepalive_and_a_small_send_buffer_as_set() -> None:
    made: asyncio.Future[asyncio.BaseTransport] = asyncio.get_running_loop().create_future()

    class Accepted(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.set_result(transport)

    def accept(*, admitted: bool = False) -> asyncio.BaseProtocol:
        return Accepted()

    settings = IngestSettings(port=0, limits=LIMITS)
    listeners = Listeners(settings, accept, Bench(settings).intake)
    await listeners.open()
    try:
        assert listeners.plain is not None
        _, writer = await asyncio.open_connection(*listeners.plain)
        peer: socket.socket = (await made).get_extra_info("socket")
        assert peer.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 77
        assert peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 7
        assert peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 5
        # The kernel doubles it for its own bookkeeping.
        asked = LIMITS.connection_buffer_bytes
        assert asked <= peer.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * asked
        writer.close()
    finally:
        listeners.close()
