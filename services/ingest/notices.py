"""A limit was exceeded: its counter and its log line, in one place."""

from __future__ import annotations

import logging

from services.ingest.limits import LIMITS, Bucket, shown
from services.ingest.metrics import IngestMetrics

logger = logging.getLogger(__name__)

LINES = Bucket(per_s=0.1, burst=10.0)
"""Log lines about one limit: a flood of clients must not become a flood of lines."""


class Notices:
    """Tells of exceeded limits. Counts all; of what comes by the hundred it logs some."""

    def __init__(self, metrics: IngestMetrics) -> None:
        self._metrics = metrics
        self._full_at_s = dict.fromkeys(LIMITS, 0.0)
        self._unsaid = dict.fromkeys(LIMITS, 0)
        for limit in LIMITS:
            metrics.limits_exceeded.labels(limit)

    def exceeded(
        self,
        limit: str,
        now_s: float,
        address: str = "",
        terminal: str | None = None,
        *,
        again: bool = False,
    ) -> None:
        """Count it, and say it unless much was said about this limit just now. ``again``: it was
        said of this connection."""
        self._metrics.limits_exceeded.labels(limit).inc()
        if again:
            return
        if not LINES.allows(self._full_at_s[limit], now_s):
            self._unsaid[limit] += 1
            return
        self._full_at_s[limit] = LINES.take(self._full_at_s[limit], now_s, 1.0)
        unsaid, self._unsaid[limit] = self._unsaid[limit], 0
        who = "all" if not address else f"{_name(terminal)} at {shown(address)}"
        more = f" ({unsaid} more since the last such line)" if unsaid else ""
        logger.warning("limit %s: %s: %s%s", limit, who, LIMITS[limit], more)


def _name(terminal: str | None) -> str:
    return "unidentified" if terminal is None else f"terminal {shown(terminal)}"
