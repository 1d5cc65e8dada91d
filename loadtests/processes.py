"""CPU and memory of processes, read from /proc (Linux)."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import NamedTuple

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Usage(NamedTuple):
    """Of a group of processes."""

    cpu_s: float
    """Processor time so far, of processes that have ended too."""
    rss_bytes: int
    """Resident memory; pages that processes share are counted for each of them."""


class _Process(NamedTuple):
    pid: int
    parent: int
    name: str
    cpu_s: float
    rss_bytes: int


def usage_by_part(root: int) -> dict[str, Usage]:
    """A process and its descendants, as ``postgres`` and ``services``."""
    parts: dict[str, Usage] = {}
    for process in _tree(root):
        part = "postgres" if process.name.startswith("postgres") else "services"
        before = parts.get(part, Usage(0.0, 0))
        parts[part] = Usage(before.cpu_s + process.cpu_s, before.rss_bytes + process.rss_bytes)
    return parts


def usage(pid: int) -> Usage:
    """Of one process. Raises ProcessLookupError if there is none."""
    process = _read(pid)
    if process is None:
        raise ProcessLookupError(pid)
    return Usage(process.cpu_s, process.rss_bytes)


def machine_cpu_s() -> float:
    """Processor time of all processes and of other guests of the same host (steal), since boot."""
    with Path("/proc/stat").open(encoding="ascii") as file:
        user, nice, system, _idle, _waiting, *rest = map(int, file.readline().split()[1:9])
    return (user + nice + system + sum(rest)) / _TICKS_A_SECOND


def allow_open_files(count: int) -> None:
    """Raise the limit of open files, of this process and of children to come, if need be.

    Raises ValueError if the system does not allow so many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and count > hard:
        raise ValueError(f"{count:,} open files are needed and {hard:,} allowed: see ulimit -Hn")
    if soft != resource.RLIM_INFINITY and count > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _tree(root: int) -> list[_Process]:
    children: dict[int, list[_Process]] = {}
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (process := _read(int(entry.name))):
            children.setdefault(process.parent, []).append(process)
            if process.pid == root:
                found.append(process)
    for process in found:
        found += children.get(process.pid, [])
    return found


def _read(pid: int) -> _Process | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in parentheses and may hold anything, parentheses too.
    name = text[text.index("(") + 1 : text.rindex(")")]
    fields = text[text.rindex(")") + 2 :].split()
    ticks = sum(map(int, fields[11:15]))
    return _Process(pid, int(fields[1]), name, ticks / _TICKS_A_SECOND, int(fields[21]) * _PAGE)
