"""Ingest on a real socket, on both loops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvloop

from services.runtime import backoff
from tests.unit.ingest.logs import TroubledLog, troubled_log


@pytest.fixture(params=["asyncio", "uvloop"])
def event_loop_policy(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoopPolicy:
    """Every test runs on asyncio's own loop and on uvloop."""
    if request.param == "uvloop":
        return uvloop.EventLoopPolicy()
    return asyncio.DefaultEventLoopPolicy()


@pytest.fixture
async def log(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TroubledLog]:
    """A log in memory that can be slow or away."""
    monkeypatch.setattr(backoff, "FIRST_S", 0.001)
    async with troubled_log() as opened:
        yield opened
