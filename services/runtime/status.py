"""The status page of the HTTP port, and the figures that it draws."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from prometheus_client import CollectorRegistry

from services.runtime.figure_text import seconds_text
from services.runtime.figures import sections, started_at
from services.runtime.history import History
from services.runtime.scrape import Interval, Scrape, scrape_of

LOOK_EVERY_S = 2.0
LOOKS_KEPT = 150
"""Five minutes."""


class Status:
    """Looks at a registry now and then, and remembers what a sparkline needs.

    ``clock`` gives seconds that only go forward; ``wall_clock`` those since 1970, for people.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._wall_clock = wall_clock
        self._history = History(LOOKS_KEPT)
        self._interval: Interval | None = None
        self._last: Scrape = self._scrape()

    def look(self) -> None:
        """Take the figures of the time since the last look."""
        now = self._scrape()
        self._interval = Interval(self._last, now)
        self._last = now
        self._history.add(sections([self._interval]))

    def document(self) -> dict[str, Any]:
        """The figures of the last look, as the page reads them."""
        interval = self._interval or Interval(self._last, self._last)
        began = started_at(interval)
        now = self._wall_clock()
        return {
            "version": version("dipper"),
            "time": now,
            "up": None if began is None else seconds_text(max(0.0, now - began)),
            "look_every_s": LOOK_EVERY_S,
            "sections": [
                {
                    "title": section.title,
                    "rows": [
                        {**row._asdict(), "history": self._history.of(row.key)}
                        for row in section.rows
                    ],
                }
                for section in sections([interval])
            ],
        }

    def _scrape(self) -> Scrape:
        return scrape_of(self._registry.collect(), self._clock())


def page() -> tuple[str, str]:
    """The page and the Content-Security-Policy under which it works: nothing that is not in it,
    and no address but its own."""
    text = (files("services.runtime") / "status.html").read_text(encoding="utf-8")
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hashes(text, 'script')}",
            f"style-src {_hashes(text, 'style')}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
    return text, policy


def _hashes(text: str, element: str) -> str:
    inside = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
    digests = (hashlib.sha256(part.encode()).digest() for part in inside)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
