"""The ports that terminals connect to: plaintext, TLS, or both."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from services.ingest.handshakes import Gate, Handshakes, MakeConnection
from services.ingest.settings import IngestSettings, LimitSettings
from services.runtime.errors import StartError
from services.runtime.tls import Renewal, server_context

BACKLOG = 4096

Address = tuple[str, int]


class _Socket(Protocol):
    """A socket, or what a loop's server shows of one."""

    def setsockopt(self, level: int, name: int, value: int, /) -> None: ...

    def getsockname(self) -> Any: ...


class IngestError(StartError):
    """Ingest can't do its work; the text says why and what helps."""


class Listeners:
    """Opens the ports of the settings; ``plain`` and ``encrypted`` are where they are."""

    def __init__(self, settings: IngestSettings, connection: MakeConnection, gate: Gate) -> None:
        self.plain: Address | None = None
        self.encrypted: Address | None = None
        self._settings = settings
        self._connection = connection
        self._gate = gate
        self._server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Listen. Raises IngestError if a port can't be had, TlsError for unusable files."""
        try:
            if self._settings.plaintext:
                self.plain = await self._listen_plain()
            if self._settings.tls is not None:
                self.encrypted = await self._listen_encrypted()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Take no more connections."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _listen_plain(self) -> Address:
        settings, loop = self._settings, asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                self._connection,
                settings.host,
                settings.port,
                backlog=BACKLOG,
                start_serving=False,
            )
        except OSError as error:
            raise IngestError(_why_not(settings.host, settings.port, error, "")) from error
        for listening in self._server.sockets:
            self._set_options(listening)
        await self._server.start_serving()
        return _address(self._server.sockets[0])

    async def _listen_encrypted(self) -> Address:
        tls = self._settings.tls
        assert tls is not None
        context = server_context(tls.files)
        try:
            sockets = await _bound(tls.host, tls.port)
        except OSError as error:
            raise IngestError(_why_not(tls.host, tls.port, error, "TLS_")) from error
        timeout_s = self._settings.limits.tls_handshake_s
        handshakes = Handshakes(self._gate, self._connection, context, timeout_s)
        for listening in sockets:
            self._set_options(listening)
            listening.listen(BACKLOG)
            self._start(handshakes.serve(listening), "TLS listener")
        self._start(Renewal(context, tls.files).run(), "TLS renewal")
        return _address(sockets[0])

    def _start(self, work: Coroutine[None, None, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    def _set_options(self, listening: _Socket) -> None:
        # Connections inherit them: that spares each the calls, and an object of its own.
        for option in socket_options(self._settings.limits):
            listening.setsockopt(*option)


async def _bound(host: str, port: int) -> list[socket.socket]:
    """Sockets for all addresses of the host, as a loop's server has them. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    bound: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            one = socket.socket(family, kind, protocol)
            bound.append(one)
            one.setblocking(False)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
    except OSError:
        for one in bound:
            one.close()
        raise
    return bound


def _address(listening: _Socket) -> Address:
    host, port = listening.getsockname()[:2]
    return host, port


def socket_options(limits: LimitSettings) -> Sequence[tuple[int, int, int]]:
    """Of a connection: TCP notices a peer that vanished, and keeps few answers for a deaf one."""
    return (
        (socket.SOL_SOCKET, socket.SO_SNDBUF, limits.connection_buffer_bytes),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, limits.keepalive_idle_s),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, limits.keepalive_interval_s),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, limits.keepalive_probes),
    )


def _why_not(host: str, port: int, error: OSError, kind: str) -> str:
    place = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        option = "" if kind else "--port or "
        return (
            f"port {port} on {host} is in use by another program. "
            f"Stop it, or choose another port with {option}DIPPER_INGEST_{kind}PORT."
        )
    if error.errno == errno.EACCES:
        return f"can't listen on {place}: ports below 1024 need root. Choose a higher port."
    reason = error.strerror or str(error)
    return f"can't listen on {place}: {reason}. Check the address in DIPPER_INGEST_{kind}HOST."
