"""The ingest service: listens, and stops without losing what it has read."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import resource
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from services.ingest.connection import Connection
from services.ingest.door import Door
from services.ingest.intake import Intake, wall_clock_us
from services.ingest.listeners import Address, IngestError, Listeners
from services.ingest.metrics import IngestMetrics
from services.ingest.publisher import Publisher
from services.ingest.settings import IngestSettings
from services.ingest.terminal_source import TerminalSource
from services.log.base import Log, LogError

__all__ = ["IngestError", "IngestServer"]

logger = logging.getLogger(__name__)

TICK_S = 0.25
AUDIT_TICKS = 40
"""How often it is told how many audit records were held back."""
CLOSE_TIMEOUT_S = 0.5
SPARE_FILES = 256
"""Open files besides terminals' connections: the log, the database, HTTP."""


class IngestServer:
    """Terminals' lines to the log. Use as an async context manager; leaving it stops cleanly.

    ``run`` names this run in every record. ``address`` holds host and port once started, and
    ``tls_address`` those of the port with TLS if there is one; the two are the same if there is
    no other. Entering raises IngestError if a port can't be had, TlsError for unusable files.
    """

    def __init__(
        self,
        settings: IngestSettings,
        log: Log,
        metrics: IngestMetrics,
        run: str,
        *,
        door: Door | None = None,
        terminals: TerminalSource | None = None,
        clock_us: Callable[[], int] = wall_clock_us,
    ) -> None:
        self.address: Address = (settings.host, settings.port)
        self.tls_address: Address | None = None
        self._settings = settings
        self._publisher = Publisher(settings, log, metrics, run)
        self._intake = Intake(settings, self._publisher, metrics, run, door, clock_us)
        self._silent_ticks = math.ceil(settings.flush_after_s / TICK_S) + 1
        self._listeners = Listeners(settings, partial(Connection, self._intake), self._intake)
        self._publishing: asyncio.Task[None] | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._terminals = terminals
        self._refreshing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._terminals is not None:
            self._terminals.changed = self.rejudge
            await self._terminals.start()
        self._intake.call_soon = asyncio.get_running_loop().call_soon
        _allow_files(self._settings.max_connections + SPARE_FILES)
        await self._listeners.open()
        self.tls_address = self._listeners.encrypted
        self.address = self._listeners.plain or self.tls_address or self.address
        self._publishing = asyncio.create_task(self._publisher.run(), name="ingest publisher")
        self._ticking = asyncio.create_task(self._tick(), name="ingest ticks")
        if self._terminals is not None:
            self._refreshing = asyncio.create_task(self._terminals.run(), name="ingest terminals")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._ticking is not None
        self._listeners.close()
        self._ticking.cancel()
        if self._refreshing is not None:
            self._refreshing.cancel()
        for connection in list(self._intake.connections):
            connection.finish(clean=False)
        await self._drain()
        await self._close_connections()
        self._intake.door.audit.flush()

    @property
    def waiting_bytes(self) -> int:
        """Bytes of records that were read and are not durable yet."""
        return self._publisher.waiting_bytes

    def rejudge(self) -> None:
        """The list of terminals has changed: ask every connection who it is."""
        for connection in list(self._intake.connections):
            connection.rejudge()

    async def wait(self) -> None:
        """Returns never; raises IngestError when the log refuses for good."""
        assert self._publishing is not None
        assert self._ticking is not None
        tasks = [task for task in (self._publishing, self._ticking, self._refreshing) if task]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        try:
            for task in done:
                task.result()
        except LogError as error:
            raise IngestError(f"ingest can't go on: {error}") from error

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
        for tick in itertools.count(1):
            await asyncio.sleep(TICK_S)
            self._intake.tick(self._silent_ticks)
            if tick % AUDIT_TICKS == 0:
                self._intake.door.audit.flush()


def _allow_files(needed: int) -> None:
    """Have the system allow as many open files as connections may need, if it can."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
    if allowed < needed:
        logger.warning(
            "this process may open %d files, too few for the %d connections that are allowed; "
            "raise its limit of open files (ulimit -n, LimitNOFILE) or lower "
            "DIPPER_INGEST_MAX_CONNECTIONS",
            allowed,
            needed - SPARE_FILES,
        )
