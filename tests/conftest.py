"""Fixtures for all tests."""

from __future__ import annotations

from tests.engines.fixtures import (
    kafka_address,
    kafka_cluster,
    timescaledb_dsn,
    timescaledb_server,
)

__all__ = ["kafka_address", "kafka_cluster", "timescaledb_dsn", "timescaledb_server"]
