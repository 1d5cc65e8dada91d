"""python -m loadtests capacity: what larger fleets would need, modelled and simulated."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from loadtests.capacity import tables
from loadtests.capacity.costs import Costs, CostsError, costs_of
from loadtests.capacity.limits import ranked
from loadtests.capacity.model import Fleet
from loadtests.capacity.studies import Study, study
from loadtests.document import DocumentError, read_document
from loadtests.options import above_zero, one_or_more

SIZES = (10_000, 1_000_000, 10_000_000)
SEEDS = 10
WIDTH = 120
EXIT_USAGE = 2


def main(arguments: Sequence[str]) -> int:
    """Print tables and, where matplotlib is installed, draw plots. Returns the exit code."""
    given = _parser().parse_args(arguments)
    try:
        costs = Costs() if given.costs is None else costs_of(read_document(given.costs))
        draw = _drawing(given.plots)
    except (DocumentError, CostsError) as error:
        print(f"loadtests capacity: {error}", file=sys.stderr)
        return EXIT_USAGE
    except ModuleNotFoundError:
        print(
            "loadtests capacity: --plots needs matplotlib: pip install -e '.[bench]'",
            file=sys.stderr,
        )
        return EXIT_USAGE
    fleets = [
        Fleet(count, given.parked_share, given.parked_interval, given.fast_share)
        for count in sorted(set(given.terminals))
    ]
    studies = [study(fleet, costs, given.seeds, _tell) for fleet in fleets]
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    tables.show(console, studies, costs, given.seeds)
    if draw is not None:
        try:
            _draw(given.plots, studies, costs)
        except OSError as error:
            print(f"loadtests capacity: {error}", file=sys.stderr)
            return 1
    return 0


def _tell(what: str) -> None:
    print(f"loadtests: {what}", file=sys.stderr, flush=True)


def _drawing(folder: Path | None) -> bool | None:
    """True if plots are wanted and can be made, before anything takes time."""
    if folder is None:
        return None
    import loadtests.capacity.plots

    return bool(loadtests.capacity.plots)


def _draw(folder: Path, studies: Sequence[Study], costs: Costs) -> None:
    from loadtests.capacity.plots import draw

    for path in draw(studies, ranked(studies[0].fleet, costs), folder):
        print(f"wrote {path}")


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share from 0 to below 1")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests capacity",
        description="What fleets larger than this machine would need: a model fed by measured "
        "costs, and a simulation of skew, rebalances and an hour's outage (docs/capacity.md).",
    )
    parser.add_argument(
        "--terminals", type=one_or_more, nargs="+", default=list(SIZES), metavar="N"
    )
    parser.add_argument(
        "--costs", type=Path, metavar="FILE.json", help="take processor times from this --json of "
        "steady, ramp, whole or bench, run with --log kafka",
    )  # fmt: skip
    parser.add_argument("--parked-share", type=_share, default=0.6, help="of the terminals (0.6)")
    parser.add_argument(
        "--parked-interval", type=above_zero, default=60.0, help="seconds between their fixes (60)"
    )
    parser.add_argument(
        "--fast-share", type=_share, default=0.01, help="of the moving ones, at 10 Hz (0.01)"
    )
    parser.add_argument("--seeds", type=one_or_more, default=SEEDS, help="of the simulations")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw plots there, as PNG")
    return parser
