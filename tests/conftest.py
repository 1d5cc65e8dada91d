"""Fixtures for all tests."""

from __future__ import annotations

from tests.engines.fixtures import (
    chromium_path,
    community_server,
    kafka_address,
    kafka_cluster,
    timescaledb_dsn,
    timescaledb_server,
)

__all__ = [
    "chromium_path",
    "community_server",
    "kafka_address",
    "kafka_cluster",
    "timescaledb_dsn",
    "timescaledb_server",
]
