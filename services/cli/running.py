"""Commands that run the pipeline or a part of it, and look at what runs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from services.cli.options import DATA_DIR


@click.command()
def demo() -> None:
    """Show everything once: captures and a simulated fleet, from TCP to database rows."""
    from services.tools.demo import run

    sys.exit(run())


@click.command()
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


def _service(name: str, what: str) -> click.Command:
    def command() -> None:
        from services.assembly import cluster
        from services.runtime.process import run_service

        run_service(getattr(cluster, name), {})

    command.__doc__ = f"""{what}

    Runs until Ctrl-C or SIGTERM, configured by DIPPER_* variables or dipper.toml
    (`dipper settings` lists them). Start as many as you like.
    """
    return click.command(name)(command)


ingest = _service("ingest", "Run ingest: terminals' connections in, fixes to Kafka out.")
enrich = _service("enrich", "Run enrich: fixes in, zones and zone events out.")
store = _service("store", "Run store: from Kafka into the database.")


@click.command()
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
