"""Every scenario by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from loadtests.options import Options, Sizes
from loadtests.report import Report


class Scenario(NamedTuple):
    """Something that can be measured."""

    about: str
    run: Callable[[Options, str], Report]
    """Options and the command as typed; raises what keeps it from running."""
    usual: Sizes = Sizes()
    small: Sizes = Sizes()
    """A few seconds, to see whether it works."""
    bench: Sizes | None = None
    """As part of `make bench`; None if it is no part of it."""


def _decode(options: Options, command: str) -> Report:
    from loadtests.decode_report import decode_report

    return decode_report(command, options.sizes.rounds)


def _zones(options: Options, command: str) -> Report:
    from loadtests import zones

    report = Report("zones", command)
    for row in zones.measure_all(options.sizes.rounds):
        case = f"{row.zones:,} zones of {row.corners:,} corners, batches of {row.batch:,}"
        ratio = row.plain_us / row.index_us
        report.add(f"index, {case}", row.index_us, "µs/fix", "plain shapely STRtree", ratio)
    return report


def _log(options: Options, command: str) -> Report:
    from loadtests.log import measure

    return measure(options.log, command, options.sizes.rounds)


def _store(options: Options, command: str) -> Report:
    import uvloop

    from loadtests.store import store_scenario

    sizes = options.sizes
    report: Report = uvloop.run(store_scenario(command, options.log, sizes.fixes, sizes.rounds))
    return report


def _ingest(options: Options, command: str) -> Report:
    import uvloop

    from loadtests.ingest import ingest

    report: Report = uvloop.run(ingest(options.sizes.rounds, command))
    return report


def _enrich(options: Options, command: str) -> Report:
    import uvloop

    from loadtests.enrich import enrich

    report: Report = uvloop.run(enrich(options.sizes.rounds, command))
    return report


def _idle(options: Options, command: str) -> Report:
    from loadtests.idle import idle

    return idle(options.sizes.terminals, command)


def _steady(options: Options, command: str) -> Report:
    from loadtests.steady import steady

    return asyncio.run(steady(options.load, command))


def _ramp(options: Options, command: str) -> Report:
    from loadtests.ramp import ramp

    return asyncio.run(ramp(options.load, command))


def _burst(options: Options, command: str) -> Report:
    from loadtests.burst import BURST_S, FACTOR, burst

    load = options.load
    return asyncio.run(burst(load, FACTOR, min(BURST_S, load.seconds), command))


def _storm(options: Options, command: str) -> Report:
    from loadtests.storm import STORM_S, storm

    return asyncio.run(storm(options.load, STORM_S, command))


def _soak(options: Options, command: str) -> Report:
    from loadtests.soak import soak

    return asyncio.run(soak(options.load, command))


def _replay(options: Options, command: str) -> Report:
    from loadtests.replay import replay

    return asyncio.run(replay(options.log, options.sizes.megabytes, command))


def _offline(options: Options, command: str) -> Report:
    from loadtests.offline import offline

    return offline(options.sizes.megabytes, command)


def _scaling(options: Options, command: str) -> Report:
    from loadtests.scaling import SIZES, scaling

    sizes = [size for size in SIZES if size <= options.sizes.terminals]
    return asyncio.run(scaling(options.load, command, sizes, options.sizes.rounds))


def _whole(options: Options, command: str) -> Report:
    from loadtests.whole import whole

    return asyncio.run(whole(options.load, options.sizes.fixes, command))


SCENARIOS = {
    "decode": Scenario(
        "reading RMC and GGA, against other readers",
        _decode,
        usual=Sizes(rounds=7),
        small=Sizes(rounds=1),
        bench=Sizes(rounds=5),
    ),
    "zones": Scenario(
        "the zone index, against plain shapely",
        _zones,
        usual=Sizes(rounds=7),
        small=Sizes(rounds=1),
        bench=Sizes(rounds=3),
    ),
    "log": Scenario(
        "appending to the log and reading it, against the bare engine",
        _log,
        usual=Sizes(rounds=7),
        small=Sizes(rounds=1),
        bench=Sizes(rounds=5),
    ),
    "store": Scenario(
        "rows into the database, against bare COPY",
        _store,
        usual=Sizes(fixes=120_000, rounds=3),
        small=Sizes(fixes=20_000, rounds=1),
        bench=Sizes(fixes=80_000, rounds=3),
    ),
    "ingest": Scenario(
        "ingest's Python from a read to the log, without sockets",
        _ingest,
        usual=Sizes(rounds=5),
        small=Sizes(rounds=1),
        bench=Sizes(rounds=3),
    ),
    "enrich": Scenario(
        "enrich's Python from a record to the records that go out, without the log",
        _enrich,
        usual=Sizes(rounds=5),
        small=Sizes(rounds=1),
        bench=Sizes(rounds=3),
    ),
    "offline": Scenario(
        "dipper decode of a capture, against wc -l on it",
        _offline,
        small=Sizes(megabytes=2),
        bench=Sizes(megabytes=25),
    ),
    "whole": Scenario(
        "the whole pipeline as fast as it can, against its database alone",
        _whole,
        usual=Sizes(fixes=1_000_000),
        small=Sizes(fixes=20_000, terminals=200),
        bench=Sizes(fixes=400_000),
    ),
    "ramp": Scenario(
        "the highest rate at which lag does not grow, and the latency at half of it",
        _ramp,
        usual=Sizes(rate=8_000),
        small=Sizes(rate=1_000, terminals=40, seconds=5),
        bench=Sizes(rate=12_000, seconds=15),
    ),
    "steady": Scenario(
        "a fleet at a constant rate, from the socket to the row",
        _steady,
        small=Sizes(rate=500, terminals=50, seconds=5),
        bench=Sizes(rate=10_000, seconds=20),
    ),
    "burst": Scenario(
        "ten times the rate for ten seconds",
        _burst,
        usual=Sizes(rate=3_000, seconds=20),
        small=Sizes(rate=200, terminals=100, seconds=4),
        bench=Sizes(rate=3_000, seconds=10),
    ),
    "storm": Scenario(
        "all terminals connect again within 5 s, half resend their last minute",
        _storm,
        usual=Sizes(rate=5_000, terminals=10_000),
        small=Sizes(rate=200, terminals=200, seconds=4),
        bench=Sizes(rate=4_000, terminals=10_000, seconds=12),
    ),
    "scaling": Scenario(
        "the same rate from 100, 1,000 and 10,000 terminals",
        _scaling,
        usual=Sizes(rate=5_000, terminals=10_000, seconds=15, rounds=3),
        small=Sizes(rate=500, terminals=1_000, seconds=2, rounds=1),
        bench=Sizes(rate=5_000, terminals=10_000, seconds=6, rounds=2),
    ),
    "idle": Scenario(
        "memory of connections that say nothing, and after one epoch",
        _idle,
        usual=Sizes(terminals=10_000),
        small=Sizes(terminals=500),
        bench=Sizes(terminals=10_000),
    ),
    "replay": Scenario(
        "a large capture through one connection at full speed",
        _replay,
        usual=Sizes(megabytes=1_000),
        small=Sizes(megabytes=3),
        bench=Sizes(megabytes=60),
    ),
    "soak": Scenario(
        "a fleet for an hour: does memory grow?",
        _soak,
        usual=Sizes(rate=5_000, seconds=3_600),
        small=Sizes(rate=300, terminals=50, seconds=5),
    ),
}
