"""``dipper ingest``, ``enrich`` and ``store``: one service a process, on Kafka and TimescaleDB.

What is away when a service starts is waited for: /readyz says 503 meanwhile and names it, and
the process stays. What no waiting mends (wrong credentials, missing topics, a schema of another
version) ends it with one sentence.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any

from prometheus_client import REGISTRY

from services.assembly.expiring import expiring
from services.assembly.needs import Need, open_database, open_kafka, require
from services.assembly.parts import (
    enrich_stage,
    ingest_part,
    ingest_server,
    places_of,
    stage_part,
    wall_clock_us,
)
from services.assembly.watch import watched
from services.log.base import (
    ENRICHED,
    FIX,
    MESSAGE,
    REJECT,
    TALLY,
    TERMINAL,
    ZONE,
    ZONE_EVENT,
    ZONE_STATE,
)
from services.log.kafka_rights import Rights
from services.runtime.backoff import Stopped, unless_stopped
from services.runtime.http import Check, HttpServer
from services.runtime.metrics import LoopMetrics
from services.runtime.settings import Settings
from services.runtime.supervise import Part, stop_signals, supervise
from services.runtime.together import both
from services.store.metrics import LedgerMetrics, StoreMetrics
from services.store.stage import STORE_TOPICS, StoreStage
from services.store.terminal_list import listing

logger = logging.getLogger(__name__)

INGEST_RIGHTS = Rights(reads=(TERMINAL,), writes=(FIX, MESSAGE, REJECT, TALLY))
ENRICH_RIGHTS = Rights(
    reads=(FIX, ZONE_STATE, ZONE), writes=(ENRICHED, ZONE_EVENT, ZONE_STATE), group="enrich"
)
STORE_RIGHTS = Rights(reads=(*STORE_TOPICS, TERMINAL), group="store")

Use = Callable[[asyncio.Event], Awaitable[None]]
"""What a service does with what it needs, until the event is set."""
Connect = Callable[[AsyncExitStack], Coroutine[Any, Any, Use]]
"""Opens what a service needs, which the stack closes again."""


async def ingest(settings: Settings) -> None:
    """Terminals in, Kafka out, until a signal. Raises SettingsError, StartError, LogError."""
    require(settings, database=False)
    kafka = Need()

    async def connect(stack: AsyncExitStack) -> Use:
        log = await stack.enter_async_context(open_kafka(settings, INGEST_RIGHTS, kafka))
        server = ingest_server(settings, log, REGISTRY)
        return ingest_part(server, lambda: logger.info("terminals at %s", places_of(server))).run

    await _run("ingest", settings, {"log": kafka}, connect)


async def enrich(settings: Settings) -> None:
    """Fixes in, enriched fixes and zone events out, until a signal. Raises SettingsError,
    StartError, LogError."""
    require(settings, database=False)
    kafka = Need()

    async def connect(stack: AsyncExitStack) -> Use:
        log = await stack.enter_async_context(open_kafka(settings, ENRICH_RIGHTS, kafka))
        stage, metrics = enrich_stage(settings, log, REGISTRY), LoopMetrics(REGISTRY)
        return stage_part("enrich", log, [FIX], stage, metrics, settings.enrich_linger_s).run

    await _run("enrich", settings, {"log": kafka}, connect)


async def store(settings: Settings) -> None:
    """Kafka in, database out, until a signal. Raises SettingsError, StartError, LogError,
    DatabaseError."""
    require(settings, database=True)
    kafka, database = Need(), Need()

    async def connect(stack: AsyncExitStack) -> Use:
        # Both at a time, so that /readyz names all that is away.
        log, writer = await both(
            stack.enter_async_context(open_kafka(settings, STORE_RIGHTS, kafka)),
            stack.enter_async_context(open_database(settings, database)),
        )
        await stack.enter_async_context(listing(log, settings.dsn))
        await stack.enter_async_context(expiring(settings.dsn, settings))
        await stack.enter_async_context(
            watched(settings.dsn, LedgerMetrics(REGISTRY), settings.store_watch_s)
        )
        stage = StoreStage(writer, StoreMetrics(REGISTRY), wall_clock_us)
        metrics = LoopMetrics(REGISTRY)
        return stage_part("store", log, STORE_TOPICS, stage, metrics, settings.store_linger_s).run

    await _run("store", settings, {"log": kafka, "database": database}, connect)


async def _run(
    name: str, settings: Settings, checks: Mapping[str, Check], connect: Connect
) -> None:
    async def run(stopping: asyncio.Event) -> None:
        async with AsyncExitStack() as stack:
            try:
                use = await unless_stopped(connect(stack), stopping)
            except Stopped:
                logger.info("%s stopped before it had begun", name)
            else:
                await use(stopping)

    with stop_signals() as stopping:
        http = HttpServer(settings.http_host, settings.http_port, checks, REGISTRY)
        async with http:
            logger.info("%s: health and metrics at http://%s:%d", name, *http.address)
            await supervise([Part(name, run)], stopping)
