"""The three services on a Kafka and a database of the test's own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from services.tools.local_cluster import LocalCluster
from tests.engines.kafka import Cluster

PARTITIONS = "6"


@pytest.fixture
async def database(timescaledb_dsn: str) -> AsyncIterator[str]:
    """DSN of a new, empty database."""
    name = f"cluster_{uuid.uuid4().hex[:8]}"
    server = await asyncpg.connect(timescaledb_dsn)
    await server.execute(f"CREATE DATABASE {name}")
    yield urlunsplit(urlsplit(timescaledb_dsn)._replace(path="/" + name))
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


@pytest.fixture
async def bare(
    kafka_cluster: Cluster, database: str, tmp_path: Path
) -> AsyncIterator[LocalCluster]:
    """Engines without topics and tables, and no service yet."""
    cluster = LocalCluster(
        tmp_path / "services",
        kafka_cluster.bootstrap_servers,
        database,
        {"DIPPER_PARTITIONS": PARTITIONS, "DIPPER_ENRICH_ZONE_REFRESH_S": "0.2"},
    )
    async with cluster:
        yield cluster


@pytest.fixture
async def cluster(bare: LocalCluster) -> LocalCluster:
    """Engines that `dipper migrate` has prepared, and no service yet."""
    code, _, talk = await bare.dipper("migrate")
    assert code == 0, talk
    return bare
