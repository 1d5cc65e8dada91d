"""A service that ``dipper top`` looks at over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from services.runtime.scrape import Interval, Scrape, parse

TIMEOUT_S = 2.0
LARGEST_ANSWER = 8 << 20
"""Bytes: many times what a service says, so whatever is longer is none."""

Fetch = Callable[[str], str]
"""The text at an address. Raises SourceError."""


class SourceError(Exception):
    """Why a service's metrics can't be had, in a few words."""


def metrics_address(given: str) -> str:
    """The address of the metrics: ``host:port`` and ``http://host:port`` will do. Raises
    ValueError."""
    address = given if "://" in given else f"http://{given}"
    wrong = f"{given!r} is no address like http://127.0.0.1:9110"
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        raise ValueError(wrong) from None
    if not good or any(blank in address for blank in " \t\r\n"):
        raise ValueError(wrong)
    return address if parts.path.strip("/") else f"{parts.scheme}://{parts.netloc}/metrics"


def fetch(address: str) -> str:
    """The text at an address, straight from its host. Raises SourceError."""
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=TIMEOUT_S) as answer:
            body: bytes = answer.read(LARGEST_ANSWER)
            return body.decode()
    except HTTPError as error:
        raise SourceError(f"answers {error.code} {error.reason}") from error
    except TimeoutError as error:
        raise SourceError(f"no answer in {TIMEOUT_S:g} s") from error
    except URLError as error:
        reason = error.reason
        text = reason.strerror if isinstance(reason, OSError) else str(reason)
        raise SourceError(str(text or reason)) from error
    except (OSError, HTTPException, UnicodeDecodeError) as error:
        raise SourceError(str(error) or type(error).__name__) from error


class Source:
    """One service and the last two looks at it."""

    def __init__(
        self, address: str, get: Fetch = fetch, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.address = address
        self.problem: str | None = None
        """Why the last look failed."""
        self.interval: Interval | None = None
        """None before two looks, and while it does not answer."""
        self._get = get
        self._clock = clock
        self._last: Scrape | None = None

    @property
    def name(self) -> str:
        """Host and port."""
        return urlsplit(self.address).netloc

    def look(self) -> None:
        """Scrape it; never raises for what the other side does."""
        try:
            text = self._get(self.address)
            now = parse(text, self._clock())
        except (SourceError, ValueError) as error:
            self.problem = str(error)
            self.interval = None
            return
        self.problem = None if now.samples else "answers, but with no metrics"
        self.interval = None if self._last is None else Interval(self._last, now)
        self._last = now


def look_at(sources: Sequence[Source]) -> None:
    """Scrape all at a time."""
    with ThreadPoolExecutor(max_workers=min(16, len(sources))) as pool:
        list(pool.map(Source.look, sources))
