"""The parts of a process, made from settings and a log that someone else chose."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import fields

from prometheus_client import CollectorRegistry

from services.enrich.metrics import EnrichMetrics
from services.enrich.stage import EnrichStage
from services.enrich.zone_source import ZoneSource
from services.ingest.door import Door
from services.ingest.metrics import IngestMetrics
from services.ingest.registry import Registry
from services.ingest.server import IngestServer
from services.ingest.settings import (
    IngestSettings,
    LimitSettings,
    SessionSettings,
    TlsListener,
)
from services.ingest.terminal_source import TerminalSource
from services.ingest.throttle import Throttle
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
from services.runtime.audit import Audit
from services.runtime.loop import Stage, run_stage
from services.runtime.metrics import LoopMetrics
from services.runtime.settings import Settings
from services.runtime.supervise import Part
from services.runtime.tls import TlsFiles
from services.zones.records import encode_zone
from services.zones.zone import Zone

STOP_INGEST_S = 2.5
"""How long a stop waits for the log to take what was read: less than a part's time to stop."""


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


async def publish_zones(log: Log, zones: Sequence[Zone]) -> int:
    """Make these the zones in force; others that the topic holds are removed from it.

    Returns how many records that took.
    """
    known = await log.read_compacted(ZONE)
    wanted = {zone.id.encode(): encode_zone(zone) for zone in zones}
    changes = [Entry(key, value) for key, value in wanted.items() if known.get(key) != value]
    changes += [Entry(key, None) for key in known if key not in wanted]
    if changes:
        await log.append(ZONE, changes)
    return len(changes)


def wall_clock_us() -> int:
    """Now, in microseconds since 1970: for latency figures only."""
    return time.time_ns() // 1000


def ingest_server(
    settings: Settings,
    log: Log,
    registry: CollectorRegistry,
) -> IngestServer:
    """Ingest under a new run's name. Its list of terminals is that of the terminal topic."""
    metrics = IngestMetrics(registry)
    judge = Registry(settings.ingest_unknown_terminals)
    door = Door(judge, Throttle(settings.ingest_login_failures), metrics, Audit())
    return IngestServer(
        IngestSettings(
            host=settings.ingest_host,
            port=settings.ingest_port,
            plaintext=settings.ingest_plaintext,
            tls=_tls_listener(settings),
            session=SessionSettings(
                default_terminal=settings.ingest_default_terminal,
                allow_missing_checksum=settings.ingest_allow_missing_checksum,
                max_line=settings.ingest_max_line,
                max_fields=settings.ingest_max_fields,
                max_bad_lines=settings.ingest_max_bad_lines,
            ),
            limits=_limits(settings),
            flush_after_s=settings.ingest_flush_after_s,
            linger_s=settings.ingest_linger_s,
            max_connections=settings.ingest_max_connections,
            in_flight_bytes=settings.ingest_in_flight_bytes,
            connection_in_flight_bytes=settings.ingest_connection_in_flight_bytes,
            stop_timeout_s=STOP_INGEST_S,
        ),
        log,
        metrics,
        uuid.uuid4().hex,
        door=door,
        terminals=TerminalSource(log, judge, metrics, settings.ingest_terminal_refresh_s),
    )


def _tls_listener(settings: Settings) -> TlsListener | None:
    certificate, key = settings.ingest_tls_certificate_file, settings.ingest_tls_key_file
    if certificate is None or key is None:
        return None
    files = TlsFiles(
        certificate,
        key,
        settings.ingest_tls_client_ca_file,
        settings.ingest_tls_client_certificates,
    )
    return TlsListener(settings.ingest_tls_host, settings.ingest_tls_port, files)


def places_of(server: IngestServer) -> str:
    """Where terminals connect, for people."""
    plain, encrypted = server.address, server.tls_address
    places = [] if plain == encrypted else ["tcp://{}:{}".format(*plain)]
    if encrypted is not None:
        places.append("tls://{}:{}".format(*encrypted))
    return " and ".join(places)


def _limits(settings: Settings) -> LimitSettings:
    return LimitSettings(
        **{limit.name: getattr(settings, f"ingest_{limit.name}") for limit in fields(LimitSettings)}
    )


def ingest_part(server: IngestServer, announce: Callable[[], None]) -> Part:
    """Serve terminals; ``announce`` is called once the port is open."""

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


def enrich_stage(settings: Settings, log: Log, registry: CollectorRegistry) -> EnrichStage:
    """Enrich with the zones of the zone topic."""
    metrics = EnrichMetrics(registry)
    zones = ZoneSource(log, metrics, settings.enrich_zone_refresh_s, time.monotonic)
    return EnrichStage(log, zones, metrics, settings.enrich_checkpoint_s, time.monotonic)


def stage_part(
    name: str,
    log: Log,
    topics: Sequence[str],
    stage: Stage,
    metrics: LoopMetrics,
    linger_s: float,
) -> Part:
    """A stage as a member of the consumer group of its name."""

    async def run(stopping: asyncio.Event) -> None:
        await run_stage(log, name, list(topics), stage, stopping, metrics, linger_s)

    return Part(name, run)
