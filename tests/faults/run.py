"""One fault run: a fleet sends, something happens to the pipeline, the checker looks at the end."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from tests.faults import checker
from tests.faults.checker import CATCH_UP_S, Known, Tolerance
from tests.faults.decoding import Zones
from tests.faults.fleet_client import FleetClient, Habits
from tests.faults.proxy import Proxy
from tests.faults.service import Service, until
from tests.faults.streams import Shape, make_streams, write_zones

PROJECT = Path(__file__).parents[2]
LATE_FAULT_S = 20.0
"""After the fleet has sent everything a fault that is on has so long to end."""
CALM_S = 0.4
"""A database that does not change for so long may be at the end."""
TOLD: dict[str, object] = {}
"""The facts of the run that was told last, for its record."""
PROGRESS = (
    "SELECT (SELECT coalesce(sum(next), 0) FROM log_offsets), (SELECT count(*) FROM positions)"
)


@dataclass(slots=True)
class Run:
    """What a fault may touch, and what it learns."""

    seed: int
    deal: random.Random
    proxy: Proxy
    """Between the fleet and ingest."""
    client: FleetClient
    services: Mapping[str, Service]
    dsn: str = ""
    notes: dict[str, object] = field(default_factory=dict)
    """For the report."""

    async def until_acknowledged(self, share: float) -> None:
        """Wait until so much of all lines is acknowledged."""
        await until(lambda: self.client.share_acknowledged >= share)

    def is_over(self) -> None:
        """The fault has ended: the time to catch up begins, if all is sent."""
        self.notes["ended"] = asyncio.get_running_loop().time()


Fault = Callable[[Run], Coroutine[Any, Any, None]]


async def nothing(_: Run) -> None:
    """The fault of an undisturbed run."""


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a run."""

    violations: Sequence[str]
    known: Known
    ledger: Mapping[str, Any]
    exits: Mapping[str, Sequence[int]]
    notes: Mapping[str, object]

    def of(self, invariant: str) -> list[str]:
        """Violations of one invariant."""
        return [one for one in self.violations if one.startswith(invariant)]


class Plan(NamedTuple):
    """How a run is done."""

    shape: Shape = Shape()
    habits: Habits = Habits()
    tolerance: Tolerance = Tolerance()
    catch_up_s: float = CATCH_UP_S
    """When to give up waiting for the end."""
    limit_s: float = 150.0
    """When to give up the fleet."""
    late_fault_s: float = LATE_FAULT_S


async def execute(
    plan: Plan,
    seed: int,
    home: Path,
    ingest_address: tuple[str, int],
    services: Mapping[str, Service],
    dsn: Callable[[], str],
    ledger_command: Sequence[str],
    ledger_environment: Mapping[str, str],
    fault: Fault,
) -> Report:
    """Send, disturb, wait for the end, check. The services run already; they are stopped here."""
    streams = make_streams(plan.shape, seed)
    async with Proxy(ingest_address) as proxy:
        client = FleetClient(streams, proxy.address, plan.habits, seed)
        run = Run(seed, random.Random(f"fault {seed}"), proxy, client, services, dsn())
        loop = asyncio.get_running_loop()
        began = loop.time()
        fleet = asyncio.create_task(client.run())
        disturbing = asyncio.create_task(fault(run))
        try:
            # A fault that fails must not wait for a fleet that never ends.
            async with asyncio.timeout(plan.limit_s):
                await _both(fleet, disturbing, plan.late_fault_s)
        except TimeoutError:
            pass
        finally:
            fleet.cancel()
            disturbing.cancel()
            outcomes = await asyncio.gather(fleet, disturbing, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        ready = max(_calm_at(run), began)
        ledger = await _until_settled(dsn, ledger_command, ledger_environment, plan, client, ready)
        caught_up = loop.time() - ready if ledger.settled else None
        known = await checker.read_database(dsn())
    zones = Zones(home / "zones.geojson")
    violations = checker.check(client.senders, zones, known, ledger.content, plan.tolerance)
    violations += checker.check_memory({name: one.peak_bytes for name, one in services.items()})
    violations += checker.check_catch_up(caught_up)
    lines = sum(len(sender.ends) for sender in client.senders)
    sent = sum(sender.lines_sent for sender in client.senders)
    notes: dict[str, object] = {
        "fixes": len(known.fixes),
        "events": len(known.crossings),
        "connections": sum(sender.connections for sender in client.senders),
        "sent again": sent - lines - 2 * sum(sender.connections for sender in client.senders),
        "exits": {name: one.exits for name, one in services.items() if one.exits},
        "caught up": f"{caught_up:.1f} s" if caught_up is not None else "never",
        "peak": {name: f"{one.peak_bytes >> 20} MB" for name, one in services.items()},
        **run.notes,
    }
    exits = {name: tuple(one.exits) for name, one in services.items()}
    return Report(violations, known, ledger.content, exits, notes)


async def _both(
    fleet: asyncio.Task[None], disturbing: asyncio.Task[None], late_fault_s: float
) -> None:
    done, _ = await asyncio.wait({fleet, disturbing}, return_when=asyncio.FIRST_COMPLETED)
    if fleet in done and not disturbing.done():
        await asyncio.wait({disturbing}, timeout=late_fault_s)
        assert disturbing.done(), "the fault did not come before everything was over"
    for task in done:
        task.result()
    await asyncio.gather(fleet, disturbing)


def _calm_at(run: Run) -> float:
    """When the fault was over and the streams had been sent: from here on it is catching up."""
    ended = run.notes.pop("ended", 0.0)
    assert isinstance(ended, float)
    return max(ended, run.client.sent_at)


@dataclass(frozen=True, slots=True)
class _Ledger:
    content: dict[str, Any]
    settled: bool


async def _until_settled(
    dsn: Callable[[], str],
    command: Sequence[str],
    environment: Mapping[str, str],
    plan: Plan,
    client: FleetClient,
    ready: float,
) -> _Ledger:
    clock = asyncio.get_running_loop().time
    wanted = plan.shape.terminals * plan.shape.epochs
    content: dict[str, Any] = {}
    before: object = None
    while True:
        now = await _progress(dsn())
        if now == before or clock() - ready > plan.catch_up_s:
            content = await read_ledger(command, environment)
            complete = now is not None and now[1] >= wanted
            if complete and content["balanced"] and not content["fixes"]["in_flight"]:
                arrived = content["lines"]["in_flight"] == 0
                return _Ledger(content, arrived and client.share_acknowledged == 1.0)
            if clock() - ready > plan.catch_up_s:
                return _Ledger(content, False)
        before = now
        await asyncio.sleep(CALM_S)


async def _progress(dsn: str) -> tuple[int, int] | None:
    try:
        connection = await asyncpg.connect(dsn, timeout=5)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return None
    try:
        row = await connection.fetchrow(PROGRESS)
        return int(row[0]), int(row[1])
    finally:
        await connection.close()


async def read_ledger(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """As ``dipper ledger --json`` shows it to everybody."""
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "services.cli", "ledger", "--json", *command],
        env={**os.environ, **environment},
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, talk = await process.communicate()
    if not out:
        raise AssertionError(f"no ledger: {talk.decode(errors='replace')}")
    content: dict[str, Any] = json.loads(out)
    return content


def tell(name: str, seed: int, report: Report) -> None:
    """One line a run for whoever reads the output, and the check itself."""
    facts = ", ".join(f"{key} {value}" for key, value in report.notes.items())
    print(f"\n[{name}] FAULT_SEED={seed}: {facts}")
    TOLD.update(report.notes)
    assert not report.violations, "\n".join([f"FAULT_SEED={seed}", *report.violations])


__all__ = ["Fault", "Plan", "Report", "Run", "execute", "nothing", "tell", "write_zones"]
