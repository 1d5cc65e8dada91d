"""``dipper zones``."""

from __future__ import annotations

import sys

import click

from services.cli.options import FILES, OrderedGroup


@click.group(cls=OrderedGroup)
def zones() -> None:
    """Check zone files, put them in force, list them."""


@zones.command()
@FILES
def validate(files: tuple[str, ...]) -> None:
    """Check zone files; every problem is told with file, feature and reason."""
    from services.tools.zones import run_validate as run

    sys.exit(run(files))


@zones.command()
@FILES
def load(files: tuple[str, ...]) -> None:
    """Make the zones of these files the ones in force (Kafka; `dipper up` takes --zones).

    Running services take them over within DIPPER_ENRICH_ZONE_REFRESH_S. Zones that none of the
    files holds are no longer in force.
    """
    from services.assembly.admin import load_zones

    sys.exit(load_zones(files))


@zones.command("list")
def list_() -> None:
    """Show the zones in force (Kafka)."""
    from services.assembly.admin import list_zones

    sys.exit(list_zones())
