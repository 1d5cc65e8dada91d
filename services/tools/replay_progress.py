"""How far a replay is: a bar on a terminal, plain lines elsewhere, both on standard error."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

BAR_EVERY_S = 0.2
LINE_EVERY_S = 5.0


@dataclass(slots=True)
class Status:
    """Where a replay stands; the sender writes it, a reporter reads it."""

    total_bytes: int | None = None
    """Size of the files as they lie on disk; None if it is not known or has no end."""
    read_bytes: int = 0
    """Of ``total_bytes``."""
    sent_bytes: int = 0
    lines: int = 0
    acknowledged: int = 0
    reconnects: int = 0
    file: str = ""
    ending: bool = False
    """Everything has been sent."""
    said: list[str] = field(default_factory=list)
    """What a reporter has not shown yet."""

    def count_read(self, size: int) -> None:
        """So many more bytes of a file."""
        self.read_bytes += size

    def say(self, text: str) -> None:
        """A remark for people; only the latest hundred are kept until they are shown."""
        self.said.append(text)
        del self.said[:-100]


@contextlib.asynccontextmanager
async def reporting(
    status: Status, *, acknowledgements: bool, console: Console | None = None
) -> AsyncIterator[None]:
    """Shows the status for as long as the block runs, and its end in one plain line."""
    console = console or Console(stderr=True)
    began = time.monotonic()
    show = _bar if console.is_terminal else _lines
    showing = asyncio.create_task(show(status, acknowledgements, console))
    try:
        yield
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
        _show_remarks(status, console)
        seconds = time.monotonic() - began
        _print(console, f"{summary(status, acknowledgements)} in {seconds:.1f} s")


def summary(status: Status, acknowledgements: bool) -> str:
    """``1,234 lines (56.7 kB) sent, 1,200 acknowledged, 1 reconnect``."""
    text = f"{status.lines:,} lines ({decimal(status.sent_bytes)}) sent"
    if acknowledgements:
        text += f", {status.acknowledged:,} acknowledged"
    if status.reconnects:
        text += f", {status.reconnects} reconnect{'s' * (status.reconnects > 1)}"
    return text


async def _lines(status: Status, acknowledgements: bool, console: Console) -> None:
    while True:
        await asyncio.sleep(LINE_EVERY_S)
        _show_remarks(status, console)
        share = ""
        if status.total_bytes:
            share = f", {min(status.read_bytes / status.total_bytes, 1):.0%} read"
        _print(console, f"{summary(status, acknowledgements)}{share}: {status.file}")


async def _bar(status: Status, acknowledgements: bool, console: Console) -> None:
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TaskProgressColumn(show_speed=False),
        TextColumn("{task.fields[counts]}", markup=False),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        auto_refresh=False,
    ) as bar:
        task = bar.add_task("", total=status.total_bytes, counts="")
        while True:
            _show_remarks(status, bar.console)
            _refresh(bar, task, status, acknowledgements)
            await asyncio.sleep(BAR_EVERY_S)


def _refresh(bar: Progress, task: TaskID, status: Status, acknowledgements: bool) -> None:
    counts = f"{decimal(status.sent_bytes)} · {status.lines:,} lines"
    if acknowledgements:
        counts += f" · {status.acknowledged:,} acknowledged"
    bar.update(
        task,
        completed=status.read_bytes,
        total=status.total_bytes,
        description="waiting for the server" if status.ending else status.file[-30:],
        counts=counts,
        refresh=True,
    )


def _show_remarks(status: Status, console: Console) -> None:
    while status.said:
        _print(console, status.said.pop(0))


def _print(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
