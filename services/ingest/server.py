"""The ingest service: listens, and stops without losing what it has read."""

from __future__ import annotations

import asyncio
import errno
import logging
import math
from collections.abc import Callable
from types import TracebackType
from typing import Self

from services.ingest.connection import Connection
from services.ingest.identity import Authenticate, accept_all
from services.ingest.intake import Intake, wall_clock_us
from services.ingest.metrics import IngestMetrics
from services.ingest.publisher import Publisher
from services.ingest.settings import IngestSettings
from services.log.base import Log, LogError
from services.runtime.errors import StartError

logger = logging.getLogger(__name__)

TICK_S = 0.25
BACKLOG = 1024
CLOSE_TIMEOUT_S = 0.5


class IngestError(StartError):
    """Ingest can't do its work; the text says why and what helps."""


class IngestServer:
    """Terminals' lines to the log. Use as an async context manager; leaving it stops cleanly.

    ``run`` names this run in every record. ``address`` holds host and port once started.
    Entering raises IngestError if the port can't be had.
    """

    def __init__(
        self,
        settings: IngestSettings,
        log: Log,
        metrics: IngestMetrics,
        run: str,
        *,
        authenticate: Authenticate = accept_all,
        clock_us: Callable[[], int] = wall_clock_us,
    ) -> None:
        self.address = (settings.host, settings.port)
        self._settings = settings
        self._publisher = Publisher(settings, log, metrics, run)
        self._intake = Intake(settings, self._publisher, metrics, run, authenticate, clock_us)
        self._silent_ticks = math.ceil(settings.flush_after_s / TICK_S) + 1
        self._server: asyncio.Server | None = None
        self._publishing: asyncio.Task[None] | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        settings = self._settings
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Connection(self._intake), settings.host, settings.port, backlog=BACKLOG
            )
        except OSError as error:
            raise IngestError(_why_not(settings, error)) from error
        self.address = self._server.sockets[0].getsockname()[:2]
        self._publishing = asyncio.create_task(self._publisher.run(), name="ingest publisher")
        self._ticking = asyncio.create_task(self._tick(), name="ingest ticks")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        assert self._ticking is not None
        self._server.close()
        self._ticking.cancel()
        for connection in list(self._intake.connections):
            connection.finish(clean=False)
        await self._drain()
        await self._close_connections()

    @property
    def waiting_bytes(self) -> int:
        """Bytes of records that were read and are not durable yet."""
        return self._publisher.waiting_bytes

    async def wait(self) -> None:
        """Returns never; raises IngestError when the log refuses for good."""
        assert self._publishing is not None
        assert self._ticking is not None
        tasks = (self._publishing, self._ticking)
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        try:
            for task in done:
                task.result()
        except LogError as error:
            raise IngestError(f"ingest can't publish: {error}") from error

    async def _drain(self) -> None:
        """Wait for the log to take what was read, for as long as a stop may last."""
        assert self._publishing is not None
        self._publisher.close()
        await asyncio.wait([self._publishing], timeout=self._settings.stop_timeout_s)
        self._publishing.cancel()
        (outcome,) = await asyncio.gather(self._publishing, return_exceptions=True)
        if self._publisher.waiting_bytes:
            logger.error(
                "stopped although %d bytes of records are not in the log (%s); "
                "only terminals in acknowledged mode will send theirs again",
                self._publisher.waiting_bytes,
                outcome if isinstance(outcome, LogError) else "it did not answer",
            )
        elif outcome is not None:
            logger.warning(
                "stopped without this run's last tally, since the log did not take it: "
                "`dipper ledger` sees a run that was killed"
            )

    async def _close_connections(self) -> None:
        """Let replies out, then close, by force where the peer does not read them."""
        for connection in list(self._intake.connections):
            connection.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._intake.wait_empty()
        except TimeoutError:
            for connection in list(self._intake.connections):
                connection.abort()
            await self._intake.wait_empty()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for connection in list(self._intake.connections):
                connection.tick(self._silent_ticks)


def _why_not(settings: IngestSettings, error: OSError) -> str:
    place = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {settings.port} on {settings.host} is in use by another program. "
            "Stop it, or choose another port with --port or DIPPER_INGEST_PORT."
        )
    if error.errno == errno.EACCES:
        return f"can't listen on {place}: ports below 1024 need root. Choose a higher port."
    reason = error.strerror or str(error)
    return f"can't listen on {place}: {reason}. Check the address in DIPPER_INGEST_HOST."
