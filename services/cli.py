"""The ``dipper`` command. Each command imports what it needs, so that ``--help`` is quick."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import click

EXIT_FAILED = 1

FILES = click.argument("files", nargs=-1, required=True, metavar="FILE…")


class TerminalId(click.ParamType[str]):
    """A terminal's id, as ingest takes it."""

    name = "terminal id"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The id as it is, or wrong usage."""
        from services.terminals.names import is_terminal_name

        if not is_terminal_name(value):
            self.fail(f"{value!r} is no terminal id: 3 to 32 of A-Z a-z 0-9 _ -", param, ctx)
        return value


TERMINAL = click.option(
    "--terminal",
    required=True,
    type=TerminalId(),
    metavar="ID",
    help="Whose stream this is: 3 to 32 of A-Z a-z 0-9 _ -.",
)
ALLOW_MISSING = click.option(
    "--allow-missing-checksum",
    is_flag=True,
    help="Take sentences without a checksum (some receivers send none).",
)
DATA_DIR = click.option(
    "--data-dir",
    default="dipper-data",
    show_default=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where `dipper up` keeps its log and its database.",
)


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    from importlib.metadata import version

    from services.nmea import core

    click.echo(f"dipper {version('dipper')} ({core.ABOUT})")
    context.exit()


class OrderedGroup(click.Group):
    """Lists the commands in the order in which a newcomer meets them."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(self.commands)


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


@main.command()
def demo() -> None:
    """Show everything once: captures and a simulated fleet, from TCP to database rows."""
    from services.tools.demo import run

    sys.exit(run())


@main.command()
@DATA_DIR
@click.option("--host", metavar="ADDRESS", help="Where to listen for terminals.  [127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="TCP port for terminals.  [10110]")
@click.option("--http-port", type=click.IntRange(0, 65535), help="Port of /metrics …  [9110]")
@click.option("--zones", type=click.Path(path_type=Path), metavar="FILE", help="GeoJSON of zones.")
@click.option(
    "--terminals", type=click.Path(path_type=Path), metavar="FILE", help="CSV or JSON of terminals."
)
def up(
    data_dir: Path,
    host: str | None,
    port: int | None,
    http_port: int | None,
    zones: Path | None,
    terminals: Path | None,
) -> None:
    """Run the whole pipeline in this one process, on embedded parts.

    The log is a SQLite file and the database a PostgreSQL of its own, both under --data-dir.
    Settings come from these options, DIPPER_* variables and dipper.toml, in that order
    (`dipper settings` lists them). Ctrl-C or SIGTERM stop it; everything read is durable.

    \b
    Example:
      dipper up --data-dir ./data --zones harbour.geojson
      dipper replay ship.nmea --to tcp://127.0.0.1:10110 --terminal SHIP-1 --ack
      dipper ledger --data-dir ./data
    """
    from services.assembly.up import up as run
    from services.runtime.process import run_service

    overrides = {"ingest_host": host, "ingest_port": port, "http_port": http_port}
    run_service(lambda settings: run(settings, data_dir, zones, terminals), overrides)


def _service(name: str, what: str) -> Callable[[], None]:
    def command() -> None:
        from services.assembly import cluster
        from services.runtime.process import run_service

        run_service(getattr(cluster, name), {})

    command.__doc__ = f"""{what}

    Runs until Ctrl-C or SIGTERM, configured by DIPPER_* variables or dipper.toml
    (`dipper settings` lists them). Start as many as you like.
    """
    return command


for _name, _what in (
    ("ingest", "Run ingest: terminals' connections in, fixes to Kafka out."),
    ("enrich", "Run enrich: fixes in, zones and zone events out."),
    ("store", "Run store: from Kafka into the database."),
):
    main.command(_name)(_service(_name, _what))


@main.command()
@FILES
@click.option(
    "--to",
    required=True,
    metavar="tcp://HOST:PORT",
    help="The listener to send the captures to; tls://HOST:PORT for one with TLS.",
)
@click.option("--terminal", type=TerminalId(), metavar="ID", help="Log in as this terminal first.")
@click.option("--token", default="", metavar="TOKEN", help="The terminal's token, if it has one.")
@click.option(
    "--token-file", metavar="FILE", help="File that holds it: other users see --token in `ps`."
)
@click.option("--ca", metavar="FILE", help="With tls: PEM of the authority to believe.")
@click.option("--cert", metavar="FILE", help="With tls: PEM of the terminal's own certificate.")
@click.option("--key", metavar="FILE", help="With tls: PEM of its private key, if not in --cert.")
@click.option(
    "--speed", default="1", show_default=True, metavar="N|max", help="N times real time, or max."
)
@click.option("--loop", is_flag=True, help="Begin again after the last file, until Ctrl-C.")
@click.option("--ack", is_flag=True, help="End only when the server has acknowledged every line.")
@click.option(
    "--retry-for",
    default=30.0,
    show_default=True,
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="With --ack: how long to try again after a lost connection.",
)
def replay(**options: Any) -> None:
    """Send captures as their terminal sent them, paced by their own time.

    FILE may be gzipped, or - for standard input; several are sent in order.

    \b
    Example:
      dipper replay day1.nmea.gz day2.nmea.gz --to tcp://127.0.0.1:10110 \\
          --terminal TRUCK-7 --speed 10
    """
    from services.tools.replay import ReplayOptions, parse_speed, run

    try:
        options["speed"] = parse_speed(options["speed"])
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--speed") from error
    sys.exit(run(ReplayOptions(**options)))


@main.command()
@FILES
@TERMINAL
@click.option(
    "--format",
    "form",
    default="jsonl",
    show_default=True,
    type=click.Choice(["jsonl", "csv", "geojson"]),
    help="Form of the output.",
)
@ALLOW_MISSING
def decode(
    files: tuple[str, ...],
    terminal: str,
    form: Literal["jsonl", "csv", "geojson"],
    allow_missing_checksum: bool,
) -> None:
    """Decode captures offline: one record an epoch, in the order of the stream.

    FILE may be gzipped, or - for standard input. A summary of the lines used and rejected,
    with reasons, goes to standard error.
    """
    from services.tools.decode import run

    sys.exit(run(files, terminal, form, allow_missing_checksum=allow_missing_checksum))


@main.command()
@FILES
@TERMINAL
@click.option(
    "--zones",
    required=True,
    multiple=True,
    metavar="FILE",
    help="GeoJSON of zones (docs/zones.md); may be given several times.",
)
@ALLOW_MISSING
def events(
    files: tuple[str, ...], terminal: str, zones: tuple[str, ...], allow_missing_checksum: bool
) -> None:
    """Zone events of captures, offline: the same code as the enrich service."""
    from services.tools.events import run

    sys.exit(run(files, terminal, zones, allow_missing_checksum=allow_missing_checksum))


@main.command()
@FILES
@click.option("--json", "as_json", is_flag=True, help="JSON instead of tables.")
@ALLOW_MISSING
def check(files: tuple[str, ...], as_json: bool, allow_missing_checksum: bool) -> None:
    """Report whether a terminal's stream conforms, and what is wrong with it.

    FILE may be gzipped, or - for standard input; several are one stream, in order.
    Exit code 1 if a check failed. docs/conformity.md explains every check.
    """
    from services.tools.check import run

    sys.exit(run(files, as_json=as_json, allow_missing_checksum=allow_missing_checksum))


@main.group(cls=OrderedGroup)
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


@main.command()
@click.argument("urls", nargs=-1, metavar="[URL…]")
@click.option("--once", is_flag=True, help="Print one frame after two looks, and end.")
def top(urls: tuple[str, ...], once: bool) -> None:
    """Watch running services: rates, lag, latency, rejects, ledger.

    URL is where a service shows its metrics, host:port will do; of several the figures are added
    up. Without one it is that of the settings, http://127.0.0.1:9110. Ctrl-C ends it. The same
    figures are in the browser at the same address.

    \b
    Example:
      dipper top 127.0.0.1:9110 127.0.0.1:9111 127.0.0.1:9112
    """
    from services.tools.top import run

    sys.exit(run(urls, once=once))


@main.group(cls=OrderedGroup)
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


@main.command()
@DATA_DIR
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def ledger(data_dir: Path, as_json: bool) -> None:
    """Show what became of every line and every fix, and whether the sums agree.

    Reads the database of DIPPER_DSN, or else the one under --data-dir, which is started for
    the purpose if `dipper up` is not running. Exit code 1 if the ledger does not balance.
    """
    from services.tools.ledger import run

    sys.exit(run(data_dir, as_json=as_json))


@main.command()
@DATA_DIR
def migrate(data_dir: Path) -> None:
    """Bring the database's tables, and with Kafka the topics, up to this version of Dipper.

    Uses DIPPER_DSN and DIPPER_KAFKA_SERVERS, or else the database under --data-dir.
    """
    from services.assembly.admin import migrate as run

    sys.exit(run(data_dir))


@main.command()
@DATA_DIR
def expire(data_dir: Path) -> None:
    """Delete now what is older than the settings want it (DIPPER_RETENTION_…).

    The store does so every hour, and TimescaleDB's community edition by itself: this is for once.
    Uses DIPPER_DSN, or else the database under --data-dir.
    """
    from services.tools.expire import run

    sys.exit(run(data_dir))


@main.command()
@click.option("--markdown", is_flag=True, help="The table as it is in docs/settings.md.")
def settings(markdown: bool) -> None:
    """List every setting with its variable, default and meaning."""
    from services.tools.settings import run

    sys.exit(run(markdown=markdown))


if __name__ == "__main__":
    main()
