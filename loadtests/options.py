"""What the command line says, with each scenario's own sizes where it says nothing."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from loadtests.samples import LoadOptions
from services.tools.fleet import FIELD, Faults
from services.tools.fleet.faults import NO_FAULTS


class Sizes(NamedTuple):
    """How large a scenario is; each uses what concerns it."""

    rate: float = 10_000
    """Fixes a second, all terminals together."""
    terminals: int = 2_000
    seconds: float = 60
    megabytes: float = 100
    fixes: int = 300_000
    rounds: int = 2


class Options(NamedTuple):
    """All of it."""

    sizes: Sizes
    log: str = "embedded"
    generators: int = 1
    acknowledged: bool = False
    full: bool = False
    faults: Faults = NO_FAULTS
    seed: int = 1

    @property
    def load(self) -> LoadOptions:
        """What the generators are to do."""
        return LoadOptions(
            self.sizes.rate,
            self.sizes.terminals,
            self.sizes.seconds,
            self.generators,
            self.log,
            self.acknowledged,
            self.full,
            self.faults,
            self.seed,
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes and manners of loads."""
    sizes = parser.add_argument_group("sizes (each scenario has its own defaults)")
    sizes.add_argument("--rate", type=above_zero, help="fixes a second, all terminals together")
    sizes.add_argument("--terminals", type=one_or_more, help="each a connection of its own")
    sizes.add_argument("--seconds", type=above_zero, help="length of the run; of ramp: the window")
    sizes.add_argument("--megabytes", type=above_zero, help="replay, offline: size of the capture")
    sizes.add_argument("--fixes", type=one_or_more, help="whole, store: how many")
    sizes.add_argument("--rounds", type=one_or_more, help="turns of what takes turns")
    sizes.add_argument("--small", action="store_true", help="a few seconds: does it work at all?")
    load = parser.add_argument_group("the load")
    load.add_argument(
        "--generators", type=one_or_more, default=1, help="processes that make the load"
    )
    load.add_argument("--ack", action="store_true", help="terminals ask for acknowledgements")
    load.add_argument("--full", action="store_true", help="GSA and GSV besides RMC and GGA")
    load.add_argument(
        "--faults",
        type=faults,
        nargs="?",
        const=FIELD,
        default=NO_FAULTS,
        metavar="NAME=SHARE,…",
        help="faults of the field: missing, out_of_order, corrupted, offline, offline_epochs, "
        "reconnects; without a value, those of an ordinary day",
    )
    load.add_argument("--seed", type=int, default=1, help="of the faults")


def options_for(given: argparse.Namespace, usual: Sizes, small: Sizes) -> Options:
    """What is given wins over the scenario's sizes."""
    base = small if given.small else usual
    told = {name: getattr(given, name) for name in Sizes._fields}
    sizes = base._replace(**{name: value for name, value in told.items() if value is not None})
    return Options(
        sizes, given.log, given.generators, given.ack, given.full, given.faults, given.seed
    )


def one_or_more(text: str) -> int:
    """For argparse. Raises argparse.ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def above_zero(text: str) -> float:
    """For argparse. Raises argparse.ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value


def faults(text: str) -> Faults:
    """``missing=0.01,corrupted=0.001``. Raises argparse.ArgumentTypeError."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        if name not in Faults._fields:
            raise argparse.ArgumentTypeError(f"{name} is no fault: {', '.join(Faults._fields)}")
        try:
            found[name] = int(value) if name == "offline_epochs" else float(value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{part}: {value!r} is no number") from None
        if name != "offline_epochs" and not 0 <= found[name] <= 1:
            raise argparse.ArgumentTypeError(f"{part}: a share is 0 to 1")
    return Faults(**found)  # type: ignore[arg-type]
