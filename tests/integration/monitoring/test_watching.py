"""A real pipeline under the eyes of a real Prometheus: panels show something, alerts fire."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from deploy.monitoring.alerts import alerts
from deploy.monitoring.timing import Timing
from services.runtime.postgres_files import read_postmaster
from services.tools.local_pipeline import LocalPipeline
from tests.engines.prometheus import Prometheus
from tests.integration.monitoring import watching
from tests.integration.monitoring.sending import (
    ZONES,
    crossing,
    fleet,
    login,
    sending,
    spoilt,
)

MOST_CONNECTIONS = 20
SETTINGS = {
    "DIPPER_INGEST_UNKNOWN_TERMINALS": "accept",
    "DIPPER_INGEST_MAX_CONNECTIONS": str(MOST_CONNECTIONS),
    "DIPPER_ENRICH_CHECKPOINT_S": "0.5",
    "DIPPER_STORE_WATCH_S": "0.5",
    "DIPPER_STORE_TIMEOUT_S": "1",
}
ON_KAFKA = {"DipperLogAway", "DipperDeletedUnread"}
"""Alerts whose faults an embedded log can't have: see test_watching_kafka.py."""


def _zone_file(folder: Path, more: str) -> Path:
    folder.mkdir()
    file = folder / "zones.geojson"
    file.write_text(ZONES % more)
    return file


@asynccontextmanager
async def pipeline(folder: Path, more: str = "") -> AsyncIterator[LocalPipeline]:
    """``dipper up`` with two zones."""
    async with LocalPipeline(folder, _zone_file(folder, more), SETTINGS) as running:
        yield running


async def test_every_panel_has_data_and_no_alert_fires_while_all_is_well(
    tmp_path: Path, prometheus_server: Prometheus
) -> None:
    async with pipeline(tmp_path / "a") as up, fleet(up.endpoints.tcp):
        watching.start(prometheus_server, [up.endpoints.http])
        empty = list(watching.panel_queries())
        assert len(empty) > 50
        try:
            async with asyncio.timeout(watching.PATIENCE_S):
                while empty:
                    has = [await watching.has_data(prometheus_server, query) for query in empty]
                    empty = [q for q, data in zip(empty, has, strict=True) if not data]
        except TimeoutError:
            raise AssertionError(f"these show nothing: {empty}") from None
        assert await watching.firing(prometheus_server) == {}


@contextmanager
def frozen_database(up: LocalPipeline) -> Iterator[None]:
    """SIGSTOP to the server and all its processes: it is there and does not answer."""
    found = read_postmaster(up.data_dir / "postgres/cluster")
    assert found is not None
    stopped = [found.pid]
    os.kill(found.pid, signal.SIGSTOP)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == found.pid:
            stopped.append(int(stat.parent.name))
            os.kill(stopped[-1], signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(stopped):
            os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def stuttering_database(up: LocalPipeline) -> AsyncIterator[None]:
    """It freezes again and again: most fixes wait for it, and few come in between."""

    async def stutter() -> None:
        while True:
            with frozen_database(up):
                await asyncio.sleep(3.0)
            await asyncio.sleep(1.2)

    task = asyncio.create_task(stutter())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def spoil_the_tables(dsn: str) -> None:
    """Someone edits the database: a rule that fixes break, and a figure of the ledger."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "ALTER TABLE positions ADD CONSTRAINT edited CHECK (speed_kmh < 300) NOT VALID"
    )
    await connection.execute("UPDATE ledger SET count = count + 100 WHERE name = 'stored'")
    await connection.close()


def leave_few_files(pid: int) -> None:
    """Let the process have hardly more files than it has open."""
    used = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    _, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used * 7 // 6, most))


@contextmanager
def too_many_connections(address: str) -> Iterator[None]:
    """More than ingest takes."""
    host, port = address.split(":")
    sockets = [
        socket.create_connection((host, int(port)), timeout=5) for _ in range(MOST_CONNECTIONS)
    ]
    try:
        yield
    finally:
        for each in sockets:
            each.close()


def half_spoilt(step: int) -> bytes:
    """Good and bad lines in turn: a terminal with a bad cable, not one that has to be shut out."""
    lines = crossing(step).splitlines(keepends=True)
    return lines[0] + spoilt(lines[0]) * 8 + lines[1]


async def test_each_alert_fires_when_its_fault_is_made(
    tmp_path: Path, prometheus_server: Prometheus
) -> None:
    fired: set[str] = set()

    async def wait_for(*names: str) -> None:
        await watching.wait_until_firing(prometheus_server, *names)
        fired.update(names)

    async with (
        pipeline(tmp_path / "a") as up,
        # Another process that did not get the new version of a zone.
        pipeline(tmp_path / "b", ', "version": "2"') as other,
    ):
        watching.start(prometheus_server, [up.endpoints.http, other.endpoints.http])
        address = up.endpoints.tcp
        async with AsyncExitStack() as faults:
            await faults.enter_async_context(fleet(address))
            await wait_for("DipperZonesDiffer")
            await spoil_the_tables(up.endpoints.dsn)
            for first, epoch in (
                (login("CABLE"), half_spoilt),
                (b"", crossing),
                (login("ROCKET"), lambda step: crossing(step, speed_kn=400.0)),
            ):
                await faults.enter_async_context(sending(address, first, epoch))
            await wait_for(
                "DipperManyRejects",
                "DipperTerminalsQuarantined",
                "DipperDeadLetters",
                "DipperLedgerUnbalanced",
            )
            faults.enter_context(too_many_connections(address))
            await wait_for("DipperConnectionsRefused")
            leave_few_files(up.pid)
            with frozen_database(up), frozen_database(other):
                await wait_for(
                    "DipperFilesRunningOut",
                    "DipperDatabaseAway",
                    "DipperLag",
                    "DipperLedgerNotChecked",
                )
            async with stuttering_database(up):
                await wait_for("DipperSlow")
        await wait_for("DipperFleetSilent")
        for each in (up, other):
            os.kill(each.pid, signal.SIGKILL)
        await wait_for("DipperServiceDown", "DipperServiceMissing")
    assert fired == {alert.name for alert in alerts(Timing())} - ON_KAFKA
