"""python -m loadtests fleet: a simulated fleet, into files or into a server's sockets."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from loadtests.figures import GENERATOR_FULL
from loadtests.load import Generators, LoadError
from loadtests.options import above_zero, faults, one_or_more
from loadtests.orders import Load, Progress
from loadtests.schedule import MAX_RATE_A_TERMINAL
from services.tools.fleet import FIELD, Faults, make_fleet, write_captures, write_recording
from services.tools.fleet.faults import NO_FAULTS

START_US = 1_760_000_000_000_000
EXIT_FAILED = 1
LATE_S = 0.25


def main(arguments: Sequence[str]) -> int:
    """Write or send; the exit code is 1 if that failed."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if sum(given.ships_and_vehicles) < 1:
        parser.error("a fleet needs a vehicle or a ship")
    try:
        if given.to is not None:
            return asyncio.run(_send(given, parser))
        _write(given)
    except (OSError, LoadError) as error:
        print(f"loadtests fleet: {error}", file=sys.stderr)
        return EXIT_FAILED
    return 0


def _write(given: argparse.Namespace) -> None:
    vehicles, ships = given.ships_and_vehicles
    fleet = make_fleet(vehicles, ships, seed=given.seed, rate_hz=given.hertz)
    seconds = int(given.seconds)
    if given.write is not None:
        done = write_recording(given.write, fleet, given.start, seconds, given.faults, given.seed)
        print(
            f"{given.write}: {len(fleet)} terminals, {done.epochs:,} epochs, "
            f"{done.lines:,} lines, {done.bytes / 1e6:,.1f} MB",
            file=sys.stderr,
        )
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    paths = write_captures(given.folder, fleet, given.start, seconds, given.faults)
    print(f"{given.folder}: {len(paths)} captures", file=sys.stderr)


async def _send(given: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    host, _, port = given.to.removeprefix("tcp://").rpartition(":")
    if not host or not port.isdecimal():
        parser.error("--to tcp://HOST:PORT")
    terminals = sum(given.ships_and_vehicles)
    rate = float(given.hertz * terminals)
    if given.hertz > MAX_RATE_A_TERMINAL:
        parser.error(f"--hertz is at most {MAX_RATE_A_TERMINAL}")
    loads = [
        Load(
            host.strip("[]"),
            int(port),
            share,
            1 + sum(len(range(other, terminals, given.processes)) for other in range(number)),
            rate * share / terminals,
            given.seconds,
            given.ack,
            not given.position_only,
            given.faults,
            given.seed,
        )
        for number in range(given.processes)
        if (share := len(range(number, terminals, given.processes)))
    ]
    began = time.monotonic()
    late = 0.0
    async with Generators(loads) as generators:
        await generators.go()
        while not generators.done:
            await asyncio.wait(generators.readers, timeout=1.0)
            late = max(late, generators.progress().late_s)
        done = generators.progress()
    print(sent_text(done, time.monotonic() - began, late, len(loads)), file=sys.stderr)
    return 0


def sent_text(done: Progress, seconds: float, late_s: float, processes: int) -> str:
    """What was sent, what that cost, and whether the simulator was its own limit."""
    cores = done.cpu_s / max(done.seconds, 0.001)
    text = (
        f"{done.fixes:,} fixes in {seconds:.1f} s; {done.resent:,} sent again, "
        f"{done.refused:,} attempts to connect again failed; "
        f"CPU {done.cpu_s:.2f} s, {done.cpu_s / max(done.fixes, 1) * 1e6:.1f} µs a fix"
    )
    if cores > GENERATOR_FULL * processes:
        return f"{text}\nThe simulator was the bottleneck: use more --processes."
    if late_s > LATE_S:
        return f"{text}\nIt was late by up to {late_s:.1f} s though not busy: the machine was full."
    return f"{text}\nThe simulator was not the bottleneck."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests fleet",
        description="Vehicles on roads and ships in fairways round Wenzhou, the same for a seed.",
        epilog="One --write file holds all terminals: each line has a TAG block with its "
        "terminal's name, so `dipper replay FILE --to tcp://HOST:PORT` plays the whole fleet.",
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--write", type=Path, metavar="FILE", help="all terminals into one capture")
    where.add_argument("--folder", type=Path, metavar="DIR", help="a capture for each terminal")
    where.add_argument("--to", metavar="tcp://HOST:PORT", help="now, each on its own connection")
    parser.add_argument(
        "--fleet",
        dest="ships_and_vehicles",
        type=_pair,
        default=(20, 10),
        metavar="VEHICLES,SHIPS",
        help="20,10",
    )
    parser.add_argument("--seconds", type=above_zero, default=600, help="600")
    parser.add_argument(
        "--hertz", type=one_or_more, default=1, help="epochs a second of a terminal: 1"
    )
    parser.add_argument("--seed", type=int, default=1, help="1")
    parser.add_argument(
        "--start", type=int, default=START_US, metavar="US", help="first time, microseconds UTC"
    )
    parser.add_argument(
        "--faults",
        type=faults,
        nargs="?",
        const=FIELD,
        default=NO_FAULTS,
        metavar="NAME=SHARE,…",
        help=f"{', '.join(Faults._fields)}; without a value, those of an ordinary day",
    )
    sending = parser.add_argument_group("with --to")
    sending.add_argument("--ack", action="store_true", help="ask for acknowledgements")
    sending.add_argument("--position-only", action="store_true", help="RMC and GGA alone")
    sending.add_argument("--processes", type=one_or_more, default=1, help="1")
    return parser


def _pair(text: str) -> tuple[int, int]:
    try:
        vehicles, ships = map(int, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError("VEHICLES,SHIPS: two numbers") from None
    return vehicles, ships


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
