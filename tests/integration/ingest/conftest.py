"""Ingest on a real socket, on both loops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from services.runtime import backoff
from tests.unit.ingest.logs import TroubledLog, troubled_log


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every test runs on asyncio's own loop and on uvloop."""
    return {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def log(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TroubledLog]:
    """A log in memory that can be slow or away."""
    monkeypatch.setattr(backoff, "FIRST_S", 0.001)
    async with troubled_log() as opened:
        yield opened
