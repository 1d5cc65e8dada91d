"""``dipper terminals``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from services.cli.options import DATA_DIR, FILES, OrderedGroup


@click.group(cls=OrderedGroup)
def terminals() -> None:
    """Say which terminals may come in, and with which tokens."""


@terminals.command("load")
@FILES
@click.option("--replace", is_flag=True, help="Take terminals that no FILE has off the list.")
@DATA_DIR
def load_terminals(files: tuple[str, ...], replace: bool, data_dir: Path) -> None:
    """Put the terminals of CSV or JSON files on the list, or change them there.

    Running services take that over within seconds (DIPPER_INGEST_TERMINAL_REFRESH_S); what is
    wrong in a file is told with its line, and then nothing is changed. Uses DIPPER_KAFKA_SERVERS,
    or else the log of `dipper up` under --data-dir. docs/security.md says what the list means.

    \b
    Example of a file, terminals.csv:
      name,kind,class,token
      TRUCK-7,vehicle,heavy,9hLqkz3vE0bUu2Ff6dYwXj8mRtPa1sCk
      SHIP-1,ship,tanker,
    """
    from services.assembly.terminals import load as run

    sys.exit(run(files, data_dir, replace=replace))


@terminals.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@DATA_DIR
def remove_terminals(names: tuple[str, ...], data_dir: Path) -> None:
    """Take terminals off the list. Their connections are closed."""
    from services.assembly.terminals import remove as run

    sys.exit(run(names, data_dir))


@terminals.command("list")
@DATA_DIR
def list_terminals(data_dir: Path) -> None:
    """Show the list, and which terminals have a token."""
    from services.assembly.terminals import show as run

    sys.exit(run(data_dir))


@terminals.command("token")
def new_token() -> None:
    """Print a new random token. It is kept nowhere."""
    from services.tools.terminals import new_token as run

    click.echo(run())
