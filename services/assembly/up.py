"""``dipper up``: the whole pipeline in one process, on a SQLite log and its own PostgreSQL."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
from prometheus_client import REGISTRY

from services.assembly.control import control
from services.assembly.expiring import expiring
from services.assembly.parts import (
    enrich_stage,
    ingest_part,
    ingest_server,
    places_of,
    publish_zones,
    stage_part,
    topic_specs,
    wall_clock_us,
)
from services.assembly.watch import watched
from services.log.base import FIX
from services.log.sqlite import SqliteLog
from services.runtime import audit
from services.runtime.embedded_postgres import EmbeddedPostgres
from services.runtime.errors import StartError
from services.runtime.http import HttpServer
from services.runtime.metrics import LoopMetrics
from services.runtime.settings import Settings
from services.runtime.supervise import stop_signals, supervise
from services.store.metrics import LedgerMetrics, StoreMetrics
from services.store.stage import STORE_TOPICS, StoreStage
from services.store.terminal_list import listing
from services.store.writer import open_store
from services.terminals.files import Listed, TerminalFileError
from services.tools.local_database import DATABASE_DIRECTORY
from services.tools.migrate import migrate
from services.tools.terminals import (
    counts,
    publish_terminals,
    read_terminal_files,
    short_tokens,
    told,
)
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
    terminals = None if terminal_file is None else _read_terminals(terminal_file)
    _make_directory(data_dir)
    endpoints = data_dir / ENDPOINTS_FILE
    endpoints.unlink(missing_ok=True)
    with stop_signals() as stopping:
        async with AsyncExitStack() as stack:
            log = await stack.enter_async_context(SqliteLog(data_dir / LOG_FILE))
            postgres = EmbeddedPostgres(data_dir / DATABASE_DIRECTORY, patience_s=stopping.left_s)
            dsn = await stack.enter_async_context(postgres)
            await migrate(dsn)
            await log.create_topics(topic_specs(EMBEDDED_PARTITIONS))
            if zones is not None:
                changed = await publish_zones(log, zones)
                audit.change("zones load", "done", zones=len(zones), changed=changed)
            if terminals is not None:
                changes = await publish_terminals(log, terminals, replace=True)
                logger.info("%s", told(changes, replace=True))
                audit.change("terminals load", "done", **counts(changes))
            await stack.enter_async_context(control(data_dir, log))
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
            await stack.enter_async_context(listing(log, dsn))
            await stack.enter_async_context(expiring(dsn, settings))
            await stack.enter_async_context(
                watched(dsn, LedgerMetrics(REGISTRY), settings.store_watch_s)
            )
            loop_metrics = LoopMetrics(REGISTRY)
            store = StoreStage(writer, StoreMetrics(REGISTRY), wall_clock_us)
            enrich = enrich_stage(settings, log, REGISTRY)
            ingest = ingest_server(settings, log, REGISTRY)
            stack.callback(endpoints.unlink, missing_ok=True)

            def announce() -> None:
                _write_endpoints(
                    endpoints,
                    tcp=ingest.address,
                    tls=ingest.tls_address,
                    http=http.address,
                    dsn=dsn,
                )
                logger.info(
                    "ready: terminals at %s, metrics at http://%s:%d/metrics, database %s",
                    places_of(ingest),
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


def _read_terminals(file: Path) -> list[Listed]:
    try:
        listed = read_terminal_files([str(file)])
    except TerminalFileError as error:
        raise StartError("\n".join(error.problems)) from error
    if warning := short_tokens(listed):
        logger.warning("%s", warning)
    return listed


def _make_directory(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(
            f"can't make the data directory {data_dir}: {error.strerror or error}. "
            "Choose another with --data-dir."
        ) from error


def _write_endpoints(
    file: Path,
    *,
    tcp: tuple[str, int],
    tls: tuple[str, int] | None,
    http: tuple[str, int],
    dsn: str,
) -> None:
    """Tell other processes where this one answers; all of the file or nothing is there."""
    content: Mapping[str, str] = {
        "tcp": f"{tcp[0]}:{tcp[1]}",
        "http": f"{http[0]}:{http[1]}",
        "dsn": dsn,
        **({} if tls is None else {"tls": f"{tls[0]}:{tls[1]}"}),
    }
    unfinished = file.with_suffix(".tmp")
    unfinished.write_bytes(orjson.dumps(content))
    os.replace(unfinished, file)
