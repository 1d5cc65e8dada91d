"""Putting the parts together: which log, which database, which services in a process.

Everything below this module gets a Log and a DSN and does not know where they come from.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
from prometheus_client import REGISTRY, CollectorRegistry

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
from services.runtime.http import HttpServer
from services.runtime.loop import Stage, run_stage
from services.runtime.metrics import LoopMetrics
from services.runtime.settings import Settings
from services.runtime.supervise import Part, stop_signals, supervise
from services.store.metrics import StoreMetrics
from services.store.stage import STORE_TOPICS, StoreStage
from services.store.writer import open_store
from services.tools.migrate import migrate
from services.tools.zones import read_zone_files
from services.zones.geojson import ZoneFileError
from services.zones.records import encode_zone
from services.zones.zone import Zone

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
    """The whole pipeline in this process, until a signal. Raises StartError, LogError,
    DatabaseError."""
    zones = None if zone_file is None else _read_zones(zone_file)
    authenticate = accept_all if terminal_file is None else _read_registry(terminal_file)
    _make_directory(data_dir)
    endpoints = data_dir / ENDPOINTS_FILE
    endpoints.unlink(missing_ok=True)
    with stop_signals() as stopping:
        async with AsyncExitStack() as stack:
            log = await stack.enter_async_context(SqliteLog(data_dir / LOG_FILE))
            dsn = await stack.enter_async_context(EmbeddedPostgres(data_dir / DATABASE_DIRECTORY))
            await migrate(dsn)
            await log.create_topics(topic_specs(EMBEDDED_PARTITIONS))
            if zones is not None:
                await publish_zones(log, zones)
            writer = await stack.enter_async_context(
                await open_store(dsn, settings.store_connections, settings.store_timeout_s)
            )
            http = await stack.enter_async_context(
                HttpServer(
                    settings.http_host,
                    settings.http_port,
                    {"log": log.ping, "database": writer.ping},
                    REGISTRY,
                )
            )
            loop_metrics = LoopMetrics(REGISTRY)
            store = StoreStage(writer, StoreMetrics(REGISTRY), wall_clock_us)
            ingest = _ingest_server(settings, log, REGISTRY, authenticate)
            stack.callback(endpoints.unlink, missing_ok=True)

            def announce() -> None:
                _write_endpoints(endpoints, tcp=ingest.address, http=http.address, dsn=dsn)

            await supervise(
                [
                    _ingest_part(ingest, announce),
                    _stage_part(
                        "enrich", log, [FIX], _enrich_stage(settings, log, REGISTRY), loop_metrics
                    ),
                    _stage_part("store", log, STORE_TOPICS, store, loop_metrics),
                ],
                stopping,
            )


async def publish_zones(log: Log, zones: Sequence[Zone]) -> None:
    """Make these the zones in force; others that the topic holds are removed from it."""
    known = await log.read_compacted(ZONE)
    wanted = {zone.id.encode(): encode_zone(zone) for zone in zones}
    changes = [Entry(key, value) for key, value in wanted.items() if known.get(key) != value]
    changes += [Entry(key, None) for key in known if key not in wanted]
    if changes:
        await log.append(ZONE, changes)


def wall_clock_us() -> int:
    """Now, in microseconds since 1970: for latency figures only."""
    return time.time_ns() // 1000


def _ingest_server(
    settings: Settings, log: Log, registry: CollectorRegistry, authenticate: Authenticate
) -> IngestServer:
    return IngestServer(
        IngestSettings(
            host=settings.ingest_host,
            port=settings.ingest_port,
            session=SessionSettings(
                default_terminal=settings.ingest_default_terminal,
                allow_missing_checksum=settings.ingest_allow_missing_checksum,
                max_line=settings.ingest_max_line,
            ),
            flush_after_s=settings.ingest_flush_after_s,
            linger_s=settings.ingest_linger_s,
            max_connections=settings.ingest_max_connections,
            in_flight_bytes=settings.ingest_in_flight_bytes,
        ),
        log,
        IngestMetrics(registry),
        uuid.uuid4().hex,
        authenticate=authenticate,
    )


def _ingest_part(server: IngestServer, announce: Callable[[], None]) -> Part:
    async def run(stopping: asyncio.Event) -> None:
        async with server:
            announce()
            serving = asyncio.create_task(server.wait())
            stopped = asyncio.create_task(stopping.wait())
            try:
                await asyncio.wait((serving, stopped), return_when=asyncio.FIRST_COMPLETED)
                if serving.done():
                    serving.result()
            finally:
                serving.cancel()
                stopped.cancel()

    return Part("ingest", run)


def _enrich_stage(settings: Settings, log: Log, registry: CollectorRegistry) -> EnrichStage:
    metrics = EnrichMetrics(registry)
    zones = ZoneSource(log, metrics, settings.enrich_zone_refresh_s, time.monotonic)
    return EnrichStage(log, zones, metrics, settings.enrich_checkpoint_s, time.monotonic)


def _stage_part(
    name: str, log: Log, topics: Sequence[str], stage: Stage, metrics: LoopMetrics
) -> Part:
    async def run(stopping: asyncio.Event) -> None:
        await run_stage(log, name, list(topics), stage, stopping, metrics)

    return Part(name, run)


def _read_zones(file: Path) -> list[Zone]:
    try:
        return read_zone_files([str(file)])
    except ZoneFileError as error:
        raise StartError("\n".join(error.problems)) from error


def _read_registry(file: Path) -> Authenticate:
    try:
        return Registry(load_terminals(file.read_bytes(), str(file))).authenticate
    except OSError as error:
        raise StartError(f"{file}: can't be read: {error.strerror or error}") from error
    except RegistryError as error:
        raise StartError(str(error)) from error


def _make_directory(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(
            f"can't make the data directory {data_dir}: {error.strerror or error}. "
            "Choose another with --data-dir."
        ) from error


def _write_endpoints(file: Path, *, tcp: tuple[str, int], http: tuple[str, int], dsn: str) -> None:
    """Tell other processes where this one answers; all of the file or nothing is there."""
    content: Mapping[str, str] = {
        "tcp": f"{tcp[0]}:{tcp[1]}",
        "http": f"{http[0]}:{http[1]}",
        "dsn": dsn,
    }
    unfinished = file.with_suffix(".tmp")
    unfinished.write_bytes(orjson.dumps(content))
    os.replace(unfinished, file)
