"""The process's own words on standard error: few enough to be read during an outage, and without
anyone's whereabouts."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
TELL_EVERY_S = 60.0
MOST_KINDS = 1_000
"""Remembered at a time."""

SENTENCE = re.compile(r"([$!][A-Za-z]{1,2}[A-Za-z0-9]{3,8}),[^*\r\n]*")
"""An NMEA sentence up to its checksum, or to the end of the line if it has none."""
PRECISE = re.compile(r"(?<![\d.])\d{1,5}\.\d{3,}(?!\.?\d)")
"""A number that could be degrees, or NMEA's degrees and minutes, to some hundred metres or closer.
No address (10.123.4.5), no time since 1970."""
DEGREES = re.compile(r"""((?:\blat|\blon|itude)["']?\s?[=:]\s?)(-?\d{1,3}\.\d+)""")
"""A number that says of itself that it is one, however few decimals it has."""


def coarse(text: str) -> str:
    """The text without positions: sentences without their fields, numbers to one decimal where they
    could be coordinates (0.1 degrees are 11 km).

    Takes time in proportion to the text, whatever it holds.
    """
    text = SENTENCE.sub(r"\1,…", text)
    text = DEGREES.sub(lambda match: f"{match[1]}{float(match[2]):.1f}", text)
    return PRECISE.sub(lambda match: f"{float(match[0]):.1f}", text)


class CoarseFormatter(logging.Formatter):
    """Lets no position through, whoever logs it: what a library or a database says of a record may
    hold one."""

    def format(self, record: logging.LogRecord) -> str:
        return coarse(super().format(record))


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
    handler.setFormatter(CoarseFormatter(FORMAT))
    handler.addFilter(OncePerMinute())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    libraries = logging.NOTSET if level == "debug" else logging.CRITICAL
    for name in ("aiokafka", "asyncpg", "aiohttp"):
        logging.getLogger(name).setLevel(libraries)
