"""What whoever waits for a run sees of it meanwhile, on standard error."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from loadtests.figures import SERVICES, cpu_used, services_cpu_s
from loadtests.samples import Sample

SEEN = 10
"""Samples that the rates are taken from."""
SELDOM_S = 60.0
"""Between lines for a file; a terminal has one line that changes."""
ERASE_LINE = "\r\x1b[K"


class Telling:
    """Tells of one load: a line that changes on a terminal, else a line a minute."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._told = time.monotonic()

    def tell(self, samples: Sequence[Sample], ends_s: float) -> None:
        """After each sample; ``ends_s`` on the load's clock is when this stretch of it is over."""
        now = time.monotonic()
        if not self._terminal and now - self._told < SELDOM_S:
            return
        self._told = now
        line = status(samples, ends_s)
        if self._terminal:
            # A line that wraps would not be erased.
            line = f"{ERASE_LINE}{line[: shutil.get_terminal_size().columns - 1]}"
        else:
            line += "\n"
        self._stream.write(line)
        self._stream.flush()

    def end(self) -> None:
        """What is printed next begins on a clean line."""
        if self._terminal:
            self._stream.write(ERASE_LINE)
            self._stream.flush()


def status(samples: Sequence[Sample], ends_s: float) -> str:
    """Where a load is and how it goes, in a row of a terminal. ``samples``: one at least."""
    last = samples[-1]
    place = f"{last.seconds:.0f} of {ends_s:.0f} s"
    first = samples[-SEEN - 1 :][0]
    passed = last.seconds - first.seconds
    if passed <= 0:
        return place
    sent = (last.load.fixes - first.load.fixes) / passed
    stored = (last.stored - first.stored) / passed
    cores = services_cpu_s(cpu_used(first, last)) / passed
    memory = sum(usage.rss_bytes for part, usage in last.parts.items() if part in SERVICES)
    return (
        f"{place}: {sent:,.0f} sent/s, {stored:,.0f} stored/s, lag {max(last.backlog, 0):,.0f}, "
        f"{cores:.2f} cores, {memory / 1e6:,.0f} MB"
    )
