"""The log of every backend, for the contract suite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.log.base import Log
from services.log.memory import MemoryLog, MemoryStorage
from services.log.sqlite import SqliteLog
from tests.contract.backends import Backend


def kafka_backend(request: pytest.FixtureRequest) -> Backend:
    """A backend on the broker of the session; skips loudly without one."""
    from services.log.kafka import KafkaLog

    address = request.getfixturevalue("kafka_address")
    return Backend("kafka", lambda: KafkaLog(address))


@pytest.fixture(params=["memory", "sqlite", "kafka"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """A place for a log, of every kind in turn."""
    if request.param == "kafka":
        return kafka_backend(request)
    if request.param == "sqlite":
        return Backend("sqlite", lambda: SqliteLog(tmp_path / "log.db"))
    storage = MemoryStorage()
    return Backend("memory", lambda: MemoryLog(storage))


@pytest.fixture
async def log(backend: Backend) -> AsyncIterator[Log]:
    """A log that is open."""
    async with backend.open() as opened:
        yield opened
