"""Every scenario by name."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from typing import NamedTuple

from loadtests.report import Report


class Scenario(NamedTuple):
    """Something that can be measured."""

    about: str
    run: Callable[[argparse.Namespace, str], Report]
    """Options and the command as typed; raises what keeps it from running."""


def _decode(_: argparse.Namespace, command: str) -> Report:
    from loadtests import decode

    report = Report("decode", command)
    for row in decode.measure_all():
        for what, took_us, ratio in (
            ("sentences read", row.sentence_us, row.sentence_ratio),
            ("on to fixes", row.fix_us, row.fix_ratio),
        ):
            report.add(f"{what}, {row.stream}", took_us, "µs/sentence", "pynmeagps", ratio)
        report.add(f"pynmeagps, {row.stream}", row.reference_us, "µs/sentence")
    return report


def _zones(_: argparse.Namespace, command: str) -> Report:
    from loadtests import zones

    report = Report("zones", command)
    for row in zones.measure_all():
        case = f"{row.zones:,} zones of {row.corners:,} corners, batches of {row.batch:,}"
        ratio = row.plain_us / row.index_us
        report.add(f"index, {case}", row.index_us, "µs/fix", "plain shapely STRtree", ratio)
    return report


def _log(options: argparse.Namespace, command: str) -> Report:
    from loadtests.log import measure

    return measure(options.log, command)


def _store(_: argparse.Namespace, command: str) -> Report:
    import uvloop

    from loadtests.store import store_scenario

    report: Report = uvloop.run(store_scenario(command))
    return report


def _idle(options: argparse.Namespace, command: str) -> Report:
    from loadtests.idle import idle

    return idle(options.connections, command)


def _steady(options: argparse.Namespace, command: str) -> Report:
    from loadtests.steady import SteadyOptions, steady

    load = SteadyOptions(
        options.rate, options.terminals, options.seconds, options.generators, options.log
    )
    return asyncio.run(steady(load, command))


SCENARIOS = {
    "decode": Scenario("RMC and GGA streams against pynmeagps", _decode),
    "zones": Scenario("the zone index against plain shapely", _zones),
    "log": Scenario("appending to the log and reading it, against the bare engine", _log),
    "store": Scenario("rows into the database, against bare COPY", _store),
    "idle": Scenario("memory of connections that say nothing", _idle),
    "steady": Scenario("a fleet at a constant rate, from the socket to the row", _steady),
}
