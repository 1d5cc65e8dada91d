"""``dipper demo``: everything once, from TCP to database rows, in a temporary place."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from rich.console import Console

from services.tools.demo_data import Stream, write_fleet_captures, write_real_captures, zones_file
from services.tools.demo_tables import (
    crossings_table,
    ledger_table,
    read_results,
    terminals_table,
)
from services.tools.local_pipeline import LocalPipeline, PipelineError
from services.tools.replay import ReplayError, ReplayOptions, replay

WIDTH = 100
"""Of the output where there is no terminal that has a width."""
SETTLE_TIMEOUT_S = 60.0


class DemoError(Exception):
    """The demo did not come out as it must; the text says how."""


def run() -> int:
    """Show it; the exit code is 0 only if the ledger balances and zone events were stored."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    try:
        uvloop.run(_interruptible(demo(console)))
    except (DemoError, PipelineError, ReplayError, OSError, asyncpg.PostgresError) as error:
        print(f"dipper demo: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("dipper demo: interrupted", file=sys.stderr)
        return 1
    return 0


async def demo(console: Console) -> None:
    """All steps, each with the time that it took.

    Raises DemoError, PipelineError, ReplayError, OSError, asyncpg.PostgresError.
    """
    began = time.monotonic()
    console.print("[bold]Dipper[/] 北斗: from terminals' sentences over TCP to database rows\n")
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dipper-demo-")))
        pipeline = LocalPipeline(folder / "data", zones_file())
        async with _step(console, "Started SQLite log, PostgreSQL, ingest, enrich, store, HTTP"):
            await stack.enter_async_context(pipeline)
        await _show(console, pipeline, folder)
        async with _step(console, "Stopped everything"):
            await pipeline.stop()
    console.print(f"\n[bold green]Done[/] in {time.monotonic() - began:.1f} s.")


async def _show(console: Console, pipeline: LocalPipeline, folder: Path) -> None:
    address = f"tcp://{pipeline.endpoints.tcp}"
    async with _step(console, "Read the captures and simulated the fleet's ten minutes"):
        real, fleet = write_real_captures(folder), write_fleet_captures(folder)
    async with _step(console, f"Replayed {len(real)} real captures over TCP, acknowledged"):
        await _replay_all(real, address)
    async with _step(console, f"Streamed {len(fleet)} vehicles and ships at once, acknowledged"):
        await _replay_all(fleet, address)
    async with _step(console, "Waited until everything was stored"):
        ledger = await _settled_ledger(pipeline)
    rows, crossings = await read_results(pipeline.endpoints.dsn)
    order = [(stream.terminal, stream.what) for stream in (*real, *fleet)]
    for title, table in (
        ("Fixes stored", terminals_table(order, rows)),
        ("Zone events", crossings_table(crossings)),
        ("Loss ledger", ledger_table(ledger)),
    ):
        console.print(f"\n[bold cyan]{title}[/]")
        console.print(table)
    _judge(ledger, len(crossings), {row.terminal for row in rows}, order)
    console.print("[green]The ledger balances:[/] nothing was lost, nothing was doubled.\n")


async def _replay_all(streams: Sequence[Stream], address: str) -> None:
    """One connection a terminal, all at the same time."""
    options = [
        ReplayOptions((str(stream.file),), address, stream.terminal, speed=None, ack=True)
        for stream in streams
    ]
    await asyncio.gather(*map(replay, options))


async def _settled_ledger(pipeline: LocalPipeline) -> Mapping[str, Any]:
    """The ledger once nothing is on its way any more."""
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while True:
        ledger = await pipeline.ledger()
        events = ledger["events"]
        moving = ledger["fixes"]["in_flight"] or (
            events["stored"] + events["duplicate"] < events["published"]
        )
        if (ledger["balanced"] and not moving) or time.monotonic() > deadline:
            return ledger
        pipeline.check()
        await asyncio.sleep(0.1)


def _judge(
    ledger: Mapping[str, Any], events: int, stored: set[str], order: Sequence[tuple[str, str]]
) -> None:
    missing = [name for name, _ in order if name not in stored]
    if not ledger["balanced"]:
        raise DemoError("the ledger does not balance")
    if missing:
        raise DemoError(f"no fix was stored of {', '.join(missing)}")
    if not events:
        raise DemoError("no zone event was stored")


@asynccontextmanager
async def _step(console: Console, done: str) -> AsyncIterator[None]:
    """Times a step and prints it when it is done; a terminal shows meanwhile that it runs."""
    began = time.monotonic()
    if console.is_terminal:
        with console.status(f"{done} …"):
            yield
    else:
        yield
    console.print(f"[green]✔[/] {done:<72} {time.monotonic() - began:6.2f} s", highlight=False)


async def _interruptible(work: Any) -> None:
    """SIGTERM ends the demo in order, as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await work
