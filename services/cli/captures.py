"""Commands that take captures: to send, to decode, to check."""

from __future__ import annotations

import sys
from typing import Any, Literal

import click

from services.cli.options import ALLOW_MISSING, FILES, TERMINAL, TerminalId


@click.command()
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


@click.command()
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


@click.command()
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


@click.command()
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
