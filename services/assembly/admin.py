"""Commands that change or show what a cluster shares: its topics and its zones."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from rich.console import Console

from services.assembly.needs import kafka_log, require
from services.assembly.parts import publish_zones, topic_specs
from services.log.base import ZONE, Log, LogError
from services.runtime import audit, logs
from services.runtime.process import tell
from services.runtime.settings import Settings, SettingsError, load_settings
from services.tools import migrate as database
from services.tools.zones import read_zone_files, zone_table
from services.zones.geojson import ZoneFileError
from services.zones.records import decode_zone

EXIT_FAILED = 1


def migrate(data_dir: Path) -> int:
    """The topics of the settings' Kafka, if they name one, then the database. The exit code."""

    async def create_topics(settings: Settings, log: Log) -> None:
        specs = topic_specs(settings.partitions)
        await log.create_topics(specs)
        print(f"{len(specs)} topics are as they should be", file=sys.stderr)

    try:
        settings = load_settings()
    except SettingsError as error:
        tell(error.problems)
        return EXIT_FAILED
    code = _on_kafka(create_topics) if settings.kafka_servers else 0
    code = code or database.run(data_dir)
    return _written_down("migrate", code, settings)


def load_zones(files: Sequence[str]) -> int:
    """Make the zones of these files the ones in force. The exit code."""

    async def publish(settings: Settings, log: Log) -> None:
        changed = await publish_zones(log, zones)
        audit.record_change(
            "zones load", "done", settings.audit_log, zones=len(zones), changed=changed
        )
        print(f"{len(zones)} zones are in force, {changed} of them changed", file=sys.stderr)

    try:
        zones = read_zone_files(files)
    except ZoneFileError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return EXIT_FAILED
    return _on_kafka(publish)


def list_zones() -> int:
    """Show the zones in force. The exit code."""

    async def show(_: Settings, log: Log) -> None:
        records = await log.read_compacted(ZONE)
        zones = [decode_zone(value) for _, value in sorted(records.items())]
        Console().print(zone_table("in force", zones))

    return _on_kafka(show)


def _written_down(action: str, code: int, settings: Settings) -> int:
    """The exit code, once the audit log has the change."""
    try:
        audit.record_change(action, "failed" if code else "done", settings.audit_log)
    except audit.AuditFileError as error:
        tell([str(error)])
        return EXIT_FAILED
    return code


def _on_kafka(work: Callable[[Settings, Log], Awaitable[None]]) -> int:
    async def run() -> None:
        settings = load_settings()
        require(settings, database=False)
        async with kafka_log(settings) as log:
            await work(settings, log)

    logs.configure("warning")
    try:
        asyncio.run(run())
    except SettingsError as error:
        tell(error.problems)
        return EXIT_FAILED
    except (LogError, audit.AuditFileError) as error:
        tell([str(error)])
        return EXIT_FAILED
    return 0
