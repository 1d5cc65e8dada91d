"""How unevenly a fleet falls on partitions: Kafka's partitioner over a fleet's names and rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtests.capacity.model import Fleet
from services.log.base import ENRICHED, FIX, MESSAGE, REJECT, TALLY, ZONE_EVENT
from services.log.groups import assign
from services.log.partitioning import partition_of

Names = NDArray[np.uint8]
"""A row of bytes a terminal: names of one length."""
Rates = NDArray[np.float64]
"""Fixes a second."""

AT_ONCE = 500_000
"""Terminals in memory at a time."""
FASTEST = 250.0
"""Fixes a second of a terminal: ingest reads no more than 500 lines of one."""
STORE_TOPICS = (ENRICHED, ZONE_EVENT, MESSAGE, REJECT, TALLY)
ENRICH_TOPICS = (FIX,)


def imei(numbers: NDArray[np.int64]) -> Names:
    """15 digits, as receivers with a modem have."""
    return _digits(numbers + 860_000_000_000_000, 15)


def fleet_name(numbers: NDArray[np.int64]) -> Names:
    """``FLEET-0012-000345``: a thousand to a fleet."""
    head = np.frombuffer(b"FLEET-", np.uint8)
    dash = np.full((len(numbers), 1), ord("-"), np.uint8)
    parts = (_digits(numbers // 1_000 % 10_000, 4), dash, _digits(numbers % 1_000, 6))
    return np.hstack([np.broadcast_to(head, (len(numbers), len(head))), *parts])


def short_name(numbers: NDArray[np.int64]) -> Names:
    """``T00000345``."""
    head = np.full((len(numbers), 1), ord("T"), np.uint8)
    return np.hstack([head, _digits(numbers % 100_000_000, 8)])


NAMES: Mapping[str, Callable[[NDArray[np.int64]], Names]] = {
    "IMEI": imei,
    "FLEET-0012-000345": fleet_name,
    "T00000345": short_name,
}


def _digits(numbers: NDArray[np.int64], width: int) -> Names:
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)


def murmur2(names: Names) -> NDArray[np.uint32]:
    """``services.log.partitioning.murmur2`` of many names at once; tests hold it to that."""
    multiplier, count, length = np.uint32(0x5BD1E995), len(names), names.shape[1]
    whole = length & ~3
    words = np.ascontiguousarray(names[:, :whole]).view("<u4").reshape(count, whole // 4)
    found = np.full(count, 0x9747B28C ^ length, np.uint32)
    for at in range(whole // 4):
        word = words[:, at] * multiplier
        word ^= word >> np.uint32(24)
        found = (found * multiplier) ^ (word * multiplier)
    if whole < length:
        tail = np.zeros(count, np.uint32)
        for at in range(whole, length):
            tail |= names[:, at].astype(np.uint32) << np.uint32(8 * (at - whole))
        found = (found ^ tail) * multiplier
    found ^= found >> np.uint32(13)
    found *= multiplier
    return found ^ (found >> np.uint32(15))


def partitions_of(names: Names, partitions: int) -> NDArray[np.int64]:
    """The partition of each name. Raises AssertionError if it is not the log's own."""
    found = ((murmur2(names) & np.uint32(0x7FFFFFFF)) % np.uint32(partitions)).astype(np.int64)
    for at in range(0, len(names), max(1, len(names) // 5)):
        assert found[at] == partition_of(bytes(names[at]), partitions)
    return found


def as_modelled(fleet: Fleet, deal: np.random.Generator) -> Rates:
    """Parked, moving and fast ones as the fleet has them."""
    return _mixed(fleet, deal, fleet.fast_share)


def many_fast(fleet: Fleet, deal: np.random.Generator) -> Rates:
    """One in ten of the moving ones at 10 Hz; altogether as many fixes as modelled."""
    rates = _mixed(fleet, deal, 0.1)
    even: Rates = rates * (fleet.fixes_s / rates.sum())
    return even


def zipf(fleet: Fleet, _deal: np.random.Generator) -> Rates:
    """The nth busiest sends 1/n as often as the busiest (Zipf's law), none more than ingest reads
    of one; altogether as many fixes as modelled."""
    rank = 1 / np.arange(1, fleet.terminals + 1)
    scale = fleet.fixes_s / rank.sum()
    for _ in range(30):
        total = np.minimum(rank * scale, FASTEST).sum()
        scale *= fleet.fixes_s / total
    rates: Rates = np.minimum(rank * scale, FASTEST)
    return rates


MANNERS: Mapping[str, Callable[[Fleet, np.random.Generator], Rates]] = {
    "as modelled": as_modelled,
    "10 % at 10 Hz": many_fast,
    "Zipf": zipf,
}


def _mixed(fleet: Fleet, deal: np.random.Generator, fast_share: float) -> Rates:
    dice = deal.random(fleet.terminals)
    moving = dice >= fleet.parked_share
    fast = dice >= 1 - (1 - fleet.parked_share) * fast_share
    return np.where(fast, 10.0, np.where(moving, 1.0, 1 / fleet.parked_interval_s))


def partition_rates(
    fleet: Fleet, partitions: int, seed: int, manner: str = "as modelled", names: str = "IMEI"
) -> Rates:
    """Fixes a second of each partition. The numbers of a fleet begin anywhere, by ``seed``."""
    deal = np.random.default_rng(seed)
    first = int(deal.integers(0, 10**9))
    rates = MANNERS[manner](fleet, deal)
    found = np.zeros(partitions)
    for start in range(0, fleet.terminals, AT_ONCE):
        part = rates[start : start + AT_ONCE]
        numbers = np.arange(start, start + len(part), dtype=np.int64) + first
        placed = partitions_of(NAMES[names](numbers), partitions)
        found += np.bincount(placed, part, partitions)
    return found


def owners(members: int, partitions: int, topics: tuple[str, ...]) -> NDArray[np.int64]:
    """By partition of the first topic, the number of the member that reads it, by the rule of
    ``services.log.groups``."""
    names = {f"member-{number:05}": topics for number in range(members)}
    shares = assign(names, {topic: 1 if topic == TALLY else partitions for topic in topics})
    found = np.full(partitions, -1, np.int64)
    for number, name in enumerate(names):
        for place in shares[name]:
            if place.topic == topics[0]:
                found[place.partition] = number
    return found


def skew(loads: NDArray[Any]) -> float:
    """The largest as a multiple of the mean."""
    return float(loads.max() / loads.mean())
