"""``dipper up``: the whole pipeline in one process, on a SQLite log and its own PostgreSQL."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
from prometheus_client import REGISTRY

from services.assembly.parts import (
    enrich_stage,
    ingest_part,
    ingest_server,
    publish_zones,
    stage_part,
    topic_specs,
    wall_clock_us,
)
from services.ingest.identity import Authenticate, accept_all
from services.ingest.registry import Registry, RegistryError, load_terminals
from services.log.base import FIX
from services.log.sqlite import SqliteLog
from services.runtime.embedded_postgres import EmbeddedPostgres
from services.runtime.errors import StartError
from services.runtime.http import HttpServer
from services.runtime.metrics import LoopMetrics
from services.runtime.settings import Settings
from services.runtime.supervise import stop_signals, supervise
from services.store.metrics import StoreMetrics
from services.store.stage import STORE_TOPICS, StoreStage
from services.store.writer import open_store
from services.tools.local_database import DATABASE_DIRECTORY
from services.tools.migrate import migrate
from services.tools.zones import read_zone_files
from services.zones.geojson import ZoneFileError
from services.zones.zone import Zone

logger = logging.getLogger(__name__)

LOG_FILE = "log.sqlite"
ENDPOINTS_FILE = "endpoints.json"
EMBEDDED_PARTITIONS = 4
"""Enough for database waits to overlap with decoding; more would only make batches smaller."""


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
            enrich = enrich_stage(settings, log, REGISTRY)
            ingest = ingest_server(settings, log, REGISTRY, authenticate)
            stack.callback(endpoints.unlink, missing_ok=True)

            def announce() -> None:
                _write_endpoints(endpoints, tcp=ingest.address, http=http.address, dsn=dsn)
                logger.info(
                    "ready: terminals at tcp://%s:%d, metrics at http://%s:%d/metrics, database %s",
                    *ingest.address,
                    *http.address,
                    dsn,
                )

            await supervise(
                [
                    ingest_part(ingest, announce),
                    stage_part(
                        "enrich", log, [FIX], enrich, loop_metrics, settings.enrich_linger_s
                    ),
                    stage_part(
                        "store", log, STORE_TOPICS, store, loop_metrics, settings.store_linger_s
                    ),
                ],
                stopping,
            )


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
