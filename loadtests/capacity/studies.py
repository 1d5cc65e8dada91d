"""Simulations of one fleet over several seeds, and their percentiles."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from loadtests.capacity.costs import Costs
from loadtests.capacity.model import Fleet, Needs, needs
from loadtests.capacity.simulation import Outage, Outcome, Rebalance, rebalance, run, scene_of
from loadtests.capacity.skew import MANNERS, STORE_TOPICS, owners, partition_rates, skew

DEATH_S = 600.0
"""After the end of the outage; all are busy then."""


class Spread(NamedTuple):
    """Percentiles over seeds."""

    p50: float
    p90: float
    most: float


class Skews(NamedTuple):
    """The busiest as a multiple of the mean."""

    manner: str
    partition: Spread
    member: Spread
    """Of the store."""


class CatchUp(NamedTuple):
    """An outage and what came after."""

    name: str
    seconds: Spread
    peak: Spread
    """Fixes that waited."""
    deleted: float
    """Fixes, the most of all seeds."""
    runs: Sequence[Outcome]


class Moves(NamedTuple):
    """A rebalance: seconds until the last member works again."""

    name: str
    noticed: Spread
    joined: Spread
    last: Spread


class Study(NamedTuple):
    """Everything about one fleet."""

    fleet: Fleet
    needs: Needs
    skews: Sequence[Skews]
    moves: Sequence[Moves]
    catch_ups: Sequence[CatchUp]


def spread(values: Iterable[float]) -> Spread:
    """Nearest-rank percentiles, so that an infinite one stays infinite."""
    ordered = sorted(values)

    def at(share: float) -> float:
        return float(ordered[max(0, math.ceil(share * len(ordered)) - 1)])

    return Spread(at(0.5), at(0.9), float(ordered[-1]))


def study(
    fleet: Fleet, costs: Costs, seeds: int, told: Callable[[str], None] = lambda _: None
) -> Study:
    """Run all simulations of a fleet; ``told`` hears what is being done."""
    found = needs(fleet, costs)
    told(f"{fleet.terminals:,} terminals: skew")
    rates = {
        manner: [partition_rates(fleet, found.partitions, seed, manner) for seed in range(seeds)]
        for manner in MANNERS
    }
    store = owners(found.store, found.partitions, STORE_TOPICS)
    skews = [
        Skews(
            manner,
            spread(skew(each) for each in by_seed),
            spread(skew(np.bincount(store, each)) for each in by_seed),
        )
        for manner, by_seed in rates.items()
    ]
    told(f"{fleet.terminals:,} terminals: rebalances")
    moves = [
        _moves(fleet, found, costs, seeds, name, died=died, stateful=stateful)
        for name, died, stateful in (
            ("a process of enrich joins", False, True),
            ("a process of enrich dies", True, True),
            ("a process of the store joins", False, False),
            ("a process of the store dies", True, False),
        )
    ]
    takeover = moves[0].last.p90
    catch_ups = []
    for name, manner, outage in (
        ("database away", "as modelled", Outage("database")),
        ("database away, Zipf", "Zipf", Outage("database")),
        ("enrich away", "as modelled", Outage("enrich")),
        ("database away, then a store dies", "as modelled", Outage("database", death_s=DEATH_S)),
    ):
        told(f"{fleet.terminals:,} terminals: {name}")
        runs = [
            run(scene_of(found, costs, each, seed, takeover), outage)
            for seed, each in enumerate(rates[manner])
        ]
        catch_ups.append(
            CatchUp(
                name,
                spread(one.catch_up_s for one in runs),
                spread(one.peak for one in runs),
                max(one.deleted for one in runs),
                runs,
            )
        )
    return Study(fleet, found, skews, moves, catch_ups)


def _moves(
    fleet: Fleet,
    found: Needs,
    costs: Costs,
    seeds: int,
    name: str,
    *,
    died: bool,
    stateful: bool,
) -> Moves:
    runs: list[Rebalance] = [
        rebalance(fleet, found, costs, seed, died=died, stateful=stateful) for seed in range(seeds)
    ]
    return Moves(
        name,
        spread(one.noticed_s for one in runs),
        spread(one.joined_s for one in runs),
        spread(one.last_s for one in runs),
    )
