"""Putting the parts together: which log, which database, which services in a process.

Everything above this module gets a Log and a DSN and does not know where they come from.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import orjson
from prometheus_client import REGISTRY

from services.enrich.metrics import EnrichMetrics
from services.enrich.stage import EnrichStage
from services.enrich.zone_source import ZoneSource
from services.ingest.identity import Authenticate, accept_all
from services.ingest.metrics import IngestMetrics
from services.ingest.registry import Registry, RegistryError, load_terminals
from services.ingest.server import IngestServer
from services.ingest.settings import IngestSettings, SessionSettings
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
    Entry,
    Log,
    TopicSpec,
)
from services.log.sqlite import SqliteLog
from services.runtime.embedded_postgres import EmbeddedPostgres
from services.runtime.errors import StartError
from services.runtime.http import Check, HttpServer
from services.runtime.loop import Stage, run_stage
from services.runtime.metrics import LoopMetrics
from services.runtime.settings import Settings
from services.runtime.supervise import Part, stop_signals, supervise
from services.store.metrics import StoreMetrics
from services.store.stage import STORE_TOPICS, StoreStage
from services.store.writer import StoreWriter
from services.tools.migrate import migrate
from services.tools.zones import read_zone_files
from services.zones.geojson import ZoneFileError
from services.zones.records import encode_zone
from services.zones.zone import Zone

logger = logging.getLogger(__name__)

LOG_FILE = "log.sqlite"
DATABASE_DIRECTORY = "postgres"
ENDPOINTS_FILE = "endpoints.json"
EMBEDDED_PARTITIONS = 4
"""Enough for database waits to overlap with decoding; more would only make batches smaller."""


def topic_specs(partitions: int) -> list[TopicSpec]:
    """Every topic. Those made from fixes have as many partitions as the fix topic."""
    return [
        TopicSpec(FIX, partitions),
        TopicSpec(ENRICHED, partitions),
        TopicSpec(ZONE_EVENT, partitions),
        TopicSpec(ZONE_STATE, partitions, compacted=True),
        TopicSpec(MESSAGE, partitions),
        TopicSpec(REJECT, partitions),
        TopicSpec(TALLY, 1),
        TopicSpec(ZONE, 1, compacted=True),
        TopicSpec(TERMINAL, 1, compacted=True),
    ]


async def up(
    settings: Settings, data_dir: Path, zone_file: Path | None, terminal_file: Path | None
) -> None:
    """The whole pipeline in this process, until a signal. Raises StartError, LogError."""
    zones = None if zone_file is None else _read_zones(zone_file)
    authenticate = accept_all if terminal_file is None else _read_registry(terminal_file)
    _make_directory(data_dir)
    registry = REGISTRY
    loop_metrics = LoopMetrics(registry)
    with stop_signals() as stopping:
        async with AsyncExitStack() as stack:
            log = await stack.enter_async_context(SqliteLog(data_dir / LOG_FILE))
            dsn = await stack.enter_async_context(EmbeddedPostgres(data_dir / DATABASE_DIRECTORY))
            await migrate(dsn)
            await log.create_topics(topic_specs(EMBEDDED_PARTITIONS))
            if zones is not None:
                await publish_zones(log, zones)
            writer = await stack.enter_async_context(_writer(dsn, settings))
            checks: Mapping[str, Check] = {"log": log.ping, "database": writer.ping}
            http = await stack.enter_async_context(
                HttpServer(settings.http_host, settings.http_port, checks, registry)
            )
            server = IngestServer(
                _ingest_settings(settings),
                log,
                IngestMetrics(registry),
                new_run(),
                authenticate=authenticate,
            )
            parts = [
                Part("ingest", _ingest_part(server, lambda: _announce(data_dir, server, http, dsn))),
                _stage_part("enrich", log, [FIX], _enrich_stage(log, settings), loop_metrics),
                _stage_part("store", log, STORE_TOPICS, StoreStage(writer), loop_metrics),
            ]
            try:
                await supervise(parts, stopping)
            finally:
                (data_dir / ENDPOINTS_FILE).unlink(missing_ok=True)


async def publish_zones(log: Log, zones: Sequence[Zone]) -> None:
    """Make these the zones in force; others that the topic holds are removed from it."""
    known = await log.read_compacted(ZONE)
    wanted = {zone.id.encode(): encode_zone(zone) for zone in zones}
    changes = [Entry(key, value) for key, value in wanted.items() if known.get(key) != value]
    changes += [Entry(key, None) for key in known if key not in wanted]
    if changes:
        await log.append(ZONE, changes)


def new_run() -> str:
    """A name for one run of ingest, unlike any other."""
    return uuid.uuid4().hex


def _ingest_part(
    server: IngestServer, announce: Callable[[], None]
) -> Callable[[asyncio.Event], object]:
    async def run(stopping: asyncio.Event) -> None:
        async with server:
            announce()
            waiting = [
                asyncio.create_task(stopping.wait()),
                asyncio.create_task(server.wait()),
            ]
            done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
            for task in done:
                task.result()

    return run
