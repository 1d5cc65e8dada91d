"""The demo's results: read from the database, shown as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
from rich import box
from rich.table import Table

_FIXES = """
SELECT terminal, count(*) AS fixes, count(lat) AS positions, min(time) AS first, max(time) AS last,
       max(beidou_in_view) AS beidou
FROM fixes GROUP BY terminal
"""
_CROSSINGS = "SELECT time, terminal, kind, zone FROM zone_crossings ORDER BY time, terminal, kind"


class TerminalRow(NamedTuple):
    """What is stored of one terminal."""

    terminal: str
    fixes: int
    positions: int
    first: datetime
    last: datetime
    beidou: int | None
    """Most BeiDou satellites in view; None if it named none."""


class Crossing(NamedTuple):
    """One zone event."""

    time: datetime
    terminal: str
    kind: str
    zone: str


async def read_results(dsn: str) -> tuple[list[TerminalRow], list[Crossing]]:
    """Rows of the two tables. Raises asyncpg.PostgresError, OSError."""
    connection = await asyncpg.connect(dsn)
    try:
        terminals = [TerminalRow(*row) for row in await connection.fetch(_FIXES)]
        crossings = [Crossing(*row) for row in await connection.fetch(_CROSSINGS)]
    finally:
        await connection.close()
    return terminals, crossings


def terminals_table(order: Sequence[tuple[str, str]], rows: Sequence[TerminalRow]) -> Table:
    """Fixes per terminal; ``order`` holds terminal and what it is.

    ``located`` counts fixes with a position, ``BeiDou`` is the most satellites in view.
    """
    found = {row.terminal: row for row in rows}
    table = _table()
    table.add_column("terminal", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("fixes", justify="right", no_wrap=True)
    table.add_column("located", justify="right", no_wrap=True)
    table.add_column("first–last (UTC)", no_wrap=True)
    table.add_column("BeiDou", justify="right", no_wrap=True)
    for name, what in order:
        row = found.get(name)
        if row is None:
            table.add_row(name, what, "0", "0", "–", "–")
            continue
        beidou = "–" if row.beidou is None else str(row.beidou)
        span = f"{row.first:%Y-%m-%d %H:%M:%S}–{row.last:%H:%M:%S}"
        table.add_row(name, what, f"{row.fixes:,}", f"{row.positions:,}", span, beidou)
    return table


def crossings_table(crossings: Sequence[Crossing]) -> Table:
    """Zone events in the order of their time."""
    table = _table()
    table.add_column("time (UTC)", no_wrap=True)
    table.add_column("terminal", no_wrap=True)
    table.add_column("kind")
    table.add_column("zone", no_wrap=True)
    for crossing in crossings:
        style = "yellow" if crossing.kind == "enter" else "green"
        time = f"{crossing.time:%Y-%m-%d %H:%M:%S}"
        table.add_row(time, crossing.terminal, f"[{style}]{crossing.kind}[/]", crossing.zone)
    return table


def ledger_table(ledger: Mapping[str, Any]) -> Table:
    """The loss ledger: what came, and what became of it."""
    table = _table()
    table.add_column("", no_wrap=True)
    table.add_column("came", justify="right", no_wrap=True)
    table.add_column("what became of it", overflow="fold")
    lines, fixes, events = ledger["lines"], ledger["fixes"], ledger["events"]
    table.add_row("lines", f"{lines['read']:,}", _sum(lines, ("used",), "rejected"))
    stored = ("stored", "duplicate")
    ways = _sum(fixes, (*stored, "in_flight"), "dead_lettered")
    table.add_row("fixes", f"{fixes['published']:,}", ways)
    table.add_row("zone events", f"{events['published']:,}", _sum(events, stored, None))
    return table


def _sum(counts: Mapping[str, Any], names: Sequence[str], reasons: str | None) -> str:
    parts = [(name.replace("_", " "), counts.get(name, 0)) for name in names]
    if reasons is not None:
        parts += sorted(counts.get(reasons, {}).items())
    shown = [f"{count:,} {name}" for name, count in parts if count]
    return " + ".join(shown) or "nothing"


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
