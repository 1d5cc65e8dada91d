"""The ``dipper`` command. Each command imports what it needs, so that ``--help`` is quick."""

from __future__ import annotations

import click

from services.cli.captures import check, decode, events, replay
from services.cli.data import expire, ledger, migrate, settings
from services.cli.options import OrderedGroup
from services.cli.running import demo, enrich, ingest, store, top, up
from services.cli.terminal_group import terminals
from services.cli.zone_group import zones


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    from importlib.metadata import version

    from services.nmea import core

    click.echo(f"dipper {version('dipper')} ({core.ABOUT})")
    context.exit()


@click.group(cls=OrderedGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version, and whether the compiled core is in use, and exit.",
)
def main() -> None:
    """Dipper (北斗): BeiDou/GNSS streams of vehicles and ships into TimescaleDB.

    \b
    Try it:        dipper demo
    Run it:        dipper up --data-dir ./data
    Feed it:       dipper replay drive.nmea --to tcp://127.0.0.1:10110 --terminal TRUCK-7
    Look inside:   dipper decode drive.nmea --terminal TRUCK-7

    Data goes to standard output, talk to standard error.
    Exit codes: 0 done, 1 failed, 2 wrong usage.
    """


for _command in (
    *(demo, up, ingest, enrich, store, replay, decode, events, check, zones, top, terminals),
    *(ledger, migrate, expire, settings),
):
    main.add_command(_command)
