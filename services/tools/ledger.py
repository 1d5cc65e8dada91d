"""``dipper ledger``: what became of every line and every fix, read from the database.

Every line is used or rejected, every fix stored, a duplicate or dead-lettered; whatever fails
on the way, the sums have to come out. See ``services.tools.ledger_sums`` for which.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncpg
import orjson
from rich.console import Console
from rich.markup import escape

from services.log.base import FIX, MESSAGE, REJECT
from services.runtime.database import DatabaseError, connect, explained
from services.runtime.settings import SettingsError
from services.tools.demo_tables import ledger_table
from services.tools.ledger_lines import Counted, RunTally
from services.tools.ledger_sums import Ledger, Offset, balance
from services.tools.local_database import database_of

WIDTH = 110

READ_TALLIES = """
SELECT run, final, lines_read, lines_pending, lines_used, lines_control, lines_rejected::text,
       lines_repeated, fixes_published, messages_published, fix_offsets::text,
       message_offsets::text, reject_offsets::text
FROM tallies ORDER BY run
"""
READ_OFFSETS = "SELECT topic, partition, next FROM log_offsets"
READ_COUNTS = "SELECT run, topic, partition, name, count FROM ledger"


async def read_ledger(connection: asyncpg.Connection) -> Ledger:
    """The ledger as of one moment. Raises DatabaseError."""
    with explained():
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            tallies = [_tally(row) for row in await connection.fetch(READ_TALLIES)]
            offsets = [Offset(*row) for row in await connection.fetch(READ_OFFSETS)]
            counters = [Counted(*row) for row in await connection.fetch(READ_COUNTS)]
    return balance(tallies, offsets, counters)


def _tally(row: asyncpg.Record) -> RunTally:
    return RunTally(
        run=row["run"],
        final=row["final"],
        lines_read=row["lines_read"],
        lines_pending=row["lines_pending"],
        lines_used=row["lines_used"],
        lines_control=row["lines_control"],
        lines_rejected=orjson.loads(row["lines_rejected"]),
        lines_repeated=row["lines_repeated"],
        fixes_published=row["fixes_published"],
        messages_published=row["messages_published"],
        ends={
            FIX: _ends(row["fix_offsets"]),
            MESSAGE: _ends(row["message_offsets"]),
            REJECT: _ends(row["reject_offsets"]),
        },
    )


def _ends(offsets: str) -> dict[int, int]:
    return {int(partition): end for partition, end in orjson.loads(offsets).items()}


def show(ledger: Ledger, console: Console) -> None:
    """As tables and sentences for people."""
    console.print(ledger_table(ledger.to_json()))
    for problem in ledger.problems:
        console.print(f"[red]Not balanced.[/] {escape(problem)}\n", highlight=False)
    if ledger.balanced:
        console.print("Balanced.", highlight=False)
    flows = (("fixes", ledger.fixes), ("messages", ledger.messages), ("rejects", ledger.rejects))
    moving = [f"{flow.in_flight:,} {name}" for name, flow in flows if flow.in_flight]
    if moving:
        console.print(f"On the way to the database: {', '.join(moving)}.", highlight=False)
    if ledger.lines.untallied:
        console.print(
            f"{ledger.lines.untallied:,} lines came that their run's newest tally does not tell "
            "of: a tally that is on its way, a run that was killed, or lines that were published "
            "twice after a lost reply.",
            highlight=False,
        )


def run(data_dir: Path, *, as_json: bool) -> int:
    """Print the ledger of the database of DIPPER_DSN, else of that below ``data_dir``; the exit
    code is 1 if it does not balance or can't be read."""
    try:
        ledger = asyncio.run(_read(data_dir))
    except (DatabaseError, SettingsError) as error:
        print(f"dipper: {error}", file=sys.stderr)
        return 1
    if as_json:
        print(orjson.dumps(ledger.to_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        show(ledger, Console(width=None if sys.stdout.isatty() else WIDTH))
    return 0 if ledger.balanced else 1


async def _read(data_dir: Path) -> Ledger:
    async with database_of(data_dir) as dsn, connect(dsn) as connection:
        return await read_ledger(connection)
