"""Commands that change or show what a cluster shares: its topics and its zones."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from rich.console import Console

from services.assembly.cluster import open_kafka
from services.assembly.parts import publish_zones, topic_specs
from services.log.base import ZONE, Log, LogError
from services.runtime.errors import StartError
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

    if _has_kafka() and (code := _on_kafka(create_topics)):
        return code
    return database.run(data_dir)


def load_zones(files: Sequence[str]) -> int:
    """Make the zones of these files the ones in force. The exit code."""

    async def publish(_: Settings, log: Log) -> None:
        changed = await publish_zones(log, zones)
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


def _has_kafka() -> bool:
    try:
        return bool(load_settings().kafka_servers)
    except SettingsError:
        # Reported, all of them together, by what needs the settings next.
        return False


def _on_kafka(work: Callable[[Settings, Log], Awaitable[None]]) -> int:
    async def run() -> None:
        settings = load_settings()
        async with open_kafka(settings, wait=False) as log:
            await work(settings, log)

    try:
        asyncio.run(run())
    except (SettingsError, StartError, LogError) as error:
        print(f"dipper: {error}", file=sys.stderr)
        return EXIT_FAILED
    return 0
