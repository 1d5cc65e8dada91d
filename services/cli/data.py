"""Commands for the data that are kept, and for the settings."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from services.cli.options import DATA_DIR


@click.command()
@DATA_DIR
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def ledger(data_dir: Path, as_json: bool) -> None:
    """Show what became of every line and every fix, and whether the sums agree.

    Reads the database of DIPPER_DSN, or else the one under --data-dir, which is started for
    the purpose if `dipper up` is not running. Exit code 1 if the ledger does not balance.
    """
    from services.tools.ledger import run

    sys.exit(run(data_dir, as_json=as_json))


@click.command()
@DATA_DIR
def migrate(data_dir: Path) -> None:
    """Bring the database's tables, and with Kafka the topics, up to this version of Dipper.

    Uses DIPPER_DSN and DIPPER_KAFKA_SERVERS, or else the database under --data-dir.
    """
    from services.assembly.admin import migrate as run

    sys.exit(run(data_dir))


@click.command()
@DATA_DIR
def expire(data_dir: Path) -> None:
    """Delete now what is older than the settings want it (DIPPER_RETENTION_…).

    The store does so every hour, and TimescaleDB's community edition by itself: this is for once.
    Uses DIPPER_DSN, or else the database under --data-dir.
    """
    from services.tools.expire import run

    sys.exit(run(data_dir))


@click.command()
@click.option("--markdown", is_flag=True, help="The table as it is in docs/settings.md.")
def settings(markdown: bool) -> None:
    """List every setting with its variable, default and meaning."""
    from services.tools.settings import run

    sys.exit(run(markdown=markdown))
