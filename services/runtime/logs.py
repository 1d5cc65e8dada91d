"""The process's own words on standard error: few enough to be read during an outage."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
TELL_EVERY_S = 60.0
MOST_KINDS = 1_000
"""Remembered at a time."""


class OncePerMinute(logging.Filter):
    """Lets one warning or error of a kind through a minute, and says how many it held back.

    A kind is a logger, a text and its first argument, which tells what it is about; the further
    ones tell how it went this time. Information passes: it tells of changes, not of states.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: dict[tuple[str, str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        about = str(record.args[0]) if isinstance(record.args, tuple) and record.args else ""
        kind = (record.name, str(record.msg), about)
        now = self._clock()
        told, held_back = self._kinds.get(kind, (-TELL_EVERY_S, 0))
        if now - told < TELL_EVERY_S:
            self._kinds[kind] = (told, held_back + 1)
            return False
        if len(self._kinds) >= MOST_KINDS:
            self._kinds.clear()
        self._kinds[kind] = (now, 0)
        if held_back:
            record.msg = f"{record.getMessage()} (and {held_back} more like it)"
            record.args = ()
        return True


def configure(level: str) -> None:
    """Log to standard error from ``level`` (debug, info, warning, error) on.

    What libraries say of connections reaches us as exceptions, which are told in plain words:
    their own lines are for ``debug``.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(OncePerMinute())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    libraries = logging.NOTSET if level == "debug" else logging.CRITICAL
    for name in ("aiokafka", "asyncpg", "aiohttp"):
        logging.getLogger(name).setLevel(libraries)
