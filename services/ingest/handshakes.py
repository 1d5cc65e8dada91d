"""TLS for connections that are counted before they shake hands, and not after it as a loop's own
server would: a handshake costs more than anything else that a stranger can ask for."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from typing import Protocol

from services.runtime.tls import SHUTDOWN_S

logger = logging.getLogger(__name__)

EXHAUSTED_PAUSE_S = 1.0
"""After the system refused a connection for want of something, usually of files."""


class MakeConnection(Protocol):
    """Makes the protocol of a new connection; ``admitted``: the gate has counted it already."""

    def __call__(self, *, admitted: bool = False) -> asyncio.BaseProtocol: ...


class Gate(Protocol):
    """Counts connections; ``intake.Intake``."""

    def admit(self, address: str) -> bool:
        """Count one in that is to join; false if there are too many."""
        ...

    def dismiss(self, connection: asyncio.BaseProtocol, address: str) -> None:
        """One that was admitted will not join, if it has not done so."""
        ...


class Handshakes:
    """Accepts connections and has them shake hands, side by side."""

    def __init__(
        self, gate: Gate, connection: MakeConnection, context: ssl.SSLContext, timeout_s: float
    ) -> None:
        self._gate = gate
        self._connection = connection
        self._context = context
        self._timeout_s = timeout_s

    async def serve(self, listening: socket.socket) -> None:
        """Accept until cancelled; handshakes that are not done by then are given up."""
        loop, shaking = asyncio.get_running_loop(), set[asyncio.Task[None]]()
        try:
            while True:
                try:
                    peer, address = await loop.sock_accept(listening)
                except ConnectionError:
                    continue
                except OSError as error:
                    logger.error("can't accept connections for TLS: %s", error)
                    await asyncio.sleep(EXHAUSTED_PAUSE_S)
                    continue
                if self._gate.admit(address[0]):
                    task = asyncio.create_task(self._shake(peer, address[0]), name="TLS handshake")
                    shaking.add(task)
                    task.add_done_callback(shaking.discard)
                else:
                    peer.close()
        finally:
            listening.close()
            for task in shaking:
                task.cancel()

    async def _shake(self, peer: socket.socket, address: str) -> None:
        connection = self._connection(admitted=True)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                peer,
                ssl=self._context,
                ssl_handshake_timeout=self._timeout_s,
                ssl_shutdown_timeout=SHUTDOWN_S,
            )
        except BaseException as error:
            self._gate.dismiss(connection, address)
            # An SSLError, what TLS refuses, is one, too.
            if not isinstance(error, OSError):
                raise
            logger.debug("no TLS with %s: %s", address, error)
