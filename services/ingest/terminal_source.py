"""The list of terminals from the compacted terminal topic; looked at again at intervals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from services.ingest.metrics import IngestMetrics
from services.ingest.registry import Registry
from services.log.base import TERMINAL, Log, LogUnavailableError
from services.runtime.backoff import keep_trying
from services.terminals.records import Terminal, decode_terminal

logger = logging.getLogger(__name__)


class TerminalSource:
    """Keeps a registry as the topic says."""

    def __init__(
        self,
        log: Log,
        registry: Registry,
        metrics: IngestMetrics,
        refresh_s: float,
    ) -> None:
        self.changed: Callable[[], None] = lambda: None
        """Called after each change."""
        self._log = log
        self._registry = registry
        self._metrics = metrics
        self._refresh_s = refresh_s
        self._ends: Mapping[int, int] = {}

    async def start(self) -> None:
        """The list as it is now, waited for while the log is away: before it is known nobody may
        come in. Raises LogError."""
        await keep_trying(
            self.refresh, (LogUnavailableError,), logger, "reading the list of terminals"
        )

    async def run(self) -> None:
        """Take over changes, until cancelled. While the log is away the last list stays in force.
        Raises LogError."""
        while True:
            await asyncio.sleep(self._refresh_s)
            await self.start()

    async def refresh(self) -> None:
        """Take over changes. Raises LogError, LogUnavailableError."""
        ends = await self._log.end_offsets(TERMINAL)
        # A topic that never held a record is no list, one whose records are all gone an empty one.
        if ends == self._ends or not any(ends.values()):
            return
        terminals = _decode(await self._log.read_compacted(TERMINAL))
        self._registry.replace(terminals)
        self._ends = ends
        self._metrics.terminals_listed.set(len(terminals))
        logger.info("%d terminals on the list", len(terminals))
        self.changed()


def _decode(records: Mapping[bytes, bytes]) -> list[Terminal]:
    terminals = []
    for key, value in records.items():
        try:
            terminals.append(decode_terminal(value))
        except ValueError as error:
            logger.error("terminal %r can't be read and is not let in: %s", key[:64], error)
    return terminals
