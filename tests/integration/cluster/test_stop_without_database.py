"""SIGTERM while the database stands still: services and ``dipper up`` end in time, and what was
acknowledged is stored by the next start."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from services.tools.local_cluster import LocalCluster
from services.tools.local_member import Member
from services.tools.local_pipeline import LocalPipeline
from tests.engines.freezing import frozen
from tests.engines.kafka import Cluster
from tests.engines.timescaledb import Server
from tests.integration.cluster.asking import rows, settled_ledger, until
from tests.integration.cluster.test_pipeline import FLIGHT, replay

STOPS_WITHIN_S = 5.0
WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted"


@asynccontextmanager
async def locked(dsn: str) -> AsyncIterator[None]:
    """While the block runs nobody else can touch the table of positions."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("BEGIN; LOCK TABLE positions IN ACCESS EXCLUSIVE MODE")
        yield
    finally:
        connection.terminate()


async def waits_for_a_lock(dsn: str) -> bool:
    return bool(await rows(dsn, WAITING))


async def stop_in_time(members: list[Member]) -> None:
    """As a service manager does it."""
    for member in members:
        took = await member.stop()
        assert took < STOPS_WITHIN_S, f"{took:.1f} s: {member.last_words()}"
        assert member.returncode == 0, member.last_words()
        assert "Traceback" not in member.log_file.read_text()
    members.clear()


async def fixes_of_the_flight(cluster: LocalCluster) -> int:
    _, decoded, _ = await cluster.dipper("decode", str(FLIGHT), "--terminal", "PLANE-1")
    return len({json.loads(line)["time"] for line in decoded.splitlines()} - {None})


async def test_services_stop_in_time_while_a_table_is_locked_or_the_database_is_frozen(
    kafka_cluster: Cluster, timescaledb_server: Server, tmp_path: Path
) -> None:
    dsn = timescaledb_server.dsn
    settings = {"DIPPER_PARTITIONS": "2"}
    folder, servers = tmp_path / "services", kafka_cluster.bootstrap_servers
    async with LocalCluster(folder, servers, dsn, settings) as cluster:
        code, _, talk = await cluster.dipper("migrate")
        assert code == 0, talk
        flight = await fixes_of_the_flight(cluster)

        await cluster.start_all()
        async with locked(dsn):
            await replay(cluster, cluster.tcp, FLIGHT, "PLANE-1")
            await until(lambda: waits_for_a_lock(dsn), "the store waits for the table")
            await stop_in_time(cluster.members)
        await cluster.start_all()
        assert (await settled_ledger(cluster))["fixes"]["stored"] == flight

        assert timescaledb_server.process is not None
        store = cluster.members[-1]
        with frozen(timescaledb_server.process.pid):
            await replay(cluster, cluster.tcp, FLIGHT, "PLANE-2")
            await until(_says_503(store), "the store sees that the database does not answer")
            await stop_in_time(cluster.members)
        await cluster.start_all(["enrich", "store"])
        assert (await settled_ledger(cluster))["fixes"]["stored"] == 2 * flight


async def test_dipper_up_stops_in_time_while_a_table_is_locked_or_the_database_is_frozen(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    tool = LocalCluster(tmp_path, "", "", {})
    flight = await fixes_of_the_flight(tool)
    async with LocalPipeline(data) as pipeline:
        dsn = pipeline.endpoints.dsn
        await replay(tool, pipeline.endpoints.tcp, FLIGHT, "PLANE-0")
        await until(lambda: _has(dsn, flight), "the flight")
        async with locked(dsn):
            await replay(tool, pipeline.endpoints.tcp, FLIGHT, "PLANE-1")
            await until(lambda: waits_for_a_lock(dsn), "the store waits for the table")
            took = await pipeline.stop()
        assert took < STOPS_WITHIN_S, f"{took:.1f} s: {pipeline.log_file.read_text()[-1500:]}"
        assert "Traceback" not in pipeline.log_file.read_text()

    async with LocalPipeline(data) as pipeline:
        dsn = pipeline.endpoints.dsn
        await until(lambda: _has(dsn, 2 * flight), "both flights")
        pid = int((data / "postgres/cluster/postmaster.pid").read_text().split()[0])
        with frozen(pid):
            await replay(tool, pipeline.endpoints.tcp, FLIGHT, "PLANE-2")
            await until(_is_not_ready(pipeline), "the database does not answer")
            took = await pipeline.stop()
        assert took < STOPS_WITHIN_S, f"{took:.1f} s: {pipeline.log_file.read_text()[-1500:]}"
        assert "Traceback" not in pipeline.log_file.read_text()

    async with LocalPipeline(data) as pipeline:
        await until(lambda: _has(pipeline.endpoints.dsn, 3 * flight), "all flights")
        assert (await pipeline.ledger())["balanced"]


async def _has(dsn: str, fixes: int) -> bool:
    return await rows(dsn, "SELECT count(*) FROM positions") == [(fixes,)]


def _says_503(member: Member) -> Callable[[], Awaitable[bool]]:
    async def says() -> bool:
        return "database" in (await member.get("/readyz", status=503) or "")

    return says


def _is_not_ready(pipeline: LocalPipeline) -> Callable[[], Awaitable[bool]]:
    async def is_not_ready() -> bool:
        return await pipeline.get("/readyz") is None

    return is_not_ready
