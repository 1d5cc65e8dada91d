"""A whole database server that stands still: SIGSTOP for the process and all below it.

PostgreSQL's backends are sessions of their own, so a signal to the server's group misses them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def family(pid: int) -> list[int]:
    """The process and all that descend from it (Linux)."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found, open_ends = [pid], [pid]
    while open_ends:
        below = children.get(open_ends.pop(), [])
        found += below
        open_ends += below
    return found


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """While the block runs nothing of it moves; what is left of it goes on afterwards."""
    members = family(pid)
    _send(members, signal.SIGSTOP)
    try:
        yield
    finally:
        _send(members, signal.SIGCONT)


def _send(members: list[int], number: signal.Signals) -> None:
    for pid in members:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
