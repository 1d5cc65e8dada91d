"""``dipper ingest``, ``enrich`` and ``store``: one service a process, on Kafka and TimescaleDB.

What is away when a service starts is waited for: /readyz says 503 meanwhile, and the process
stays. What no waiting mends (wrong credentials, missing rights) ends it with one sentence.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from prometheus_client import REGISTRY

from services.assembly.parts import (
    enrich_stage,
    ingest_part,
    ingest_server,
    stage_part,
    wall_clock_us,
)
from services.log.base import FIX, Log, LogUnavailableError
from services.log.kafka import KafkaLog
from services.runtime.backoff import keep_trying
from services.runtime.database import DatabaseUnavailableError
from services.runtime.errors import StartError
from services.runtime.http import Check, HttpServer
from services.runtime.metrics import LoopMetrics
from services.runtime.settings import Settings
from services.runtime.supervise import Part, stop_signals, supervise
from services.store.metrics import StoreMetrics
from services.store.stage import STORE_TOPICS, StoreStage
from services.store.writer import StoreWriter, open_store

logger = logging.getLogger(__name__)

Serve = Callable[[asyncio.Event, Log], Awaitable[None]]


async def ingest(settings: Settings) -> None:
    """Terminals in, Kafka out, until a signal. Raises StartError, LogError."""

    async def serve(stopping: asyncio.Event, log: Log) -> None:
        server = ingest_server(settings, log, REGISTRY)
        await ingest_part(server, lambda: logger.info("terminals at %s:%d", *server.address)).run(
            stopping
        )

    await _run("ingest", settings, {}, serve)


async def enrich(settings: Settings) -> None:
    """Fixes in, enriched fixes and zone events out, until a signal. Raises StartError, LogError."""

    async def serve(stopping: asyncio.Event, log: Log) -> None:
        stage = enrich_stage(settings, log, REGISTRY)
        await stage_part(
            "enrich", log, [FIX], stage, LoopMetrics(REGISTRY), settings.enrich_linger_s
        ).run(stopping)

    await _run("enrich", settings, {}, serve)


async def store(settings: Settings) -> None:
    """Kafka in, database out, until a signal. Raises StartError, LogError, DatabaseError."""
    if not settings.dsn:
        raise StartError(
            "no database: set DIPPER_DSN, or dsn in dipper.toml, to postgresql://user@host/name"
        )
    checks: dict[str, Check] = {"database": _not_yet}

    async def serve(stopping: asyncio.Event, log: Log) -> None:
        writer = await keep_trying(
            lambda: open_store(settings.dsn, settings.store_connections, settings.store_timeout_s),
            (DatabaseUnavailableError,),
            logger,
            "connecting to the database",
        )
        async with writer:
            checks["database"] = writer.ping
            await _consume(stopping, log, writer)

    async def _consume(stopping: asyncio.Event, log: Log, writer: StoreWriter) -> None:
        stage = StoreStage(writer, StoreMetrics(REGISTRY), wall_clock_us)
        await stage_part(
            "store", log, STORE_TOPICS, stage, LoopMetrics(REGISTRY), settings.store_linger_s
        ).run(stopping)

    await _run("store", settings, checks, serve)


@asynccontextmanager
async def open_kafka(settings: Settings, *, wait: bool = True) -> AsyncIterator[KafkaLog]:
    """The log of the settings, once it answers. Raises StartError, LogError, and without
    ``wait`` LogUnavailableError if it does not answer at once."""
    if not settings.kafka_servers:
        raise StartError(
            "no Kafka: set DIPPER_KAFKA_SERVERS, or kafka_servers in dipper.toml, to host:port; "
            "for everything in one process without Kafka use `dipper up`"
        )
    passing = (LogUnavailableError,) if wait else ()
    log = await keep_trying(
        KafkaLog(settings.kafka_servers).__aenter__, passing, logger, "connecting to Kafka"
    )
    try:
        yield log
    finally:
        await log.__aexit__(None, None, None)


async def _run(name: str, settings: Settings, checks: dict[str, Check], serve: Serve) -> None:
    checks["log"] = _not_yet

    async def run(stopping: asyncio.Event) -> None:
        async with open_kafka(settings) as log:
            checks["log"] = log.ping
            await serve(stopping, log)

    with stop_signals() as stopping:
        async with HttpServer(settings.http_host, settings.http_port, checks, REGISTRY):
            await supervise([Part(name, run)], stopping)


async def _not_yet() -> None:
    raise ConnectionError("not connected yet")
