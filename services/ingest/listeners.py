"""The ports that terminals connect to: plaintext, TLS, or both."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

from services.ingest.settings import IngestSettings
from services.runtime.errors import StartError
from services.runtime.tls import SHUTDOWN_S, Renewal, server_context

BACKLOG = 4096

Address = tuple[str, int]


class IngestError(StartError):
    """Ingest can't do its work; the text says why and what helps."""


class Listeners:
    """Opens the ports of the settings; ``plain`` and ``encrypted`` are where they are."""

    def __init__(
        self, settings: IngestSettings, connection: Callable[[], asyncio.BaseProtocol]
    ) -> None:
        self.plain: Address | None = None
        self.encrypted: Address | None = None
        self._settings = settings
        self._connection = connection
        self._servers: list[asyncio.Server] = []
        self._renewing: asyncio.Task[None] | None = None

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
        for server in self._servers:
            server.close()
        if self._renewing is not None:
            self._renewing.cancel()

    async def _listen_plain(self) -> Address:
        settings, loop = self._settings, asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                self._connection, settings.host, settings.port, backlog=BACKLOG
            )
        except OSError as error:
            raise IngestError(_why_not(settings.host, settings.port, error, "")) from error
        return self._opened(server)

    async def _listen_encrypted(self) -> Address:
        tls, loop = self._settings.tls, asyncio.get_running_loop()
        assert tls is not None
        context = server_context(tls.files)
        try:
            server = await loop.create_server(
                self._connection,
                tls.host,
                tls.port,
                backlog=BACKLOG,
                ssl=context,
                ssl_handshake_timeout=self._settings.limits.tls_handshake_s,
                ssl_shutdown_timeout=SHUTDOWN_S,
            )
        except OSError as error:
            raise IngestError(_why_not(tls.host, tls.port, error, "TLS_")) from error
        self._renewing = asyncio.create_task(Renewal(context, tls.files).run(), name="TLS renewal")
        return self._opened(server)

    def _opened(self, server: asyncio.Server) -> Address:
        self._servers.append(server)
        host, port = server.sockets[0].getsockname()[:2]
        return host, port


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
