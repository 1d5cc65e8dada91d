"""Partitions, members and a database through an outage, step by step.

A fix waits in its partition of fix.v1 for enrich, then in that of enriched.v1 for the store. A
member serves its partitions in turn, an empty one costs nothing; the database bounds all members
of the store together. What the log deletes before it was read is lost, and counted.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadtests.capacity.costs import Costs
from loadtests.capacity.model import Fleet, Needs, recovery_s, state_records_s
from loadtests.capacity.skew import ENRICH_TOPICS, STORE_TOPICS, Rates, owners

TURNS = 12
"""Rounds in which a member shares what is left of a step among those that still have records."""
SNAPSHOTS = 64
"""How finely the age of records is known, as a share of the retention."""
DONE_S = 1.0
"""A backlog of so many seconds' fixes is none."""


class Outage(NamedTuple):
    """What is away, and for how long."""

    what: str
    """``database`` or ``enrich``."""
    seconds: float = 3_600.0
    death_s: float | None = None
    """So long after the end a member of the store dies and comes back, if at all."""


class Scene(NamedTuple):
    """What takes part."""

    rates: Rates
    """Fixes a second of each partition."""
    enrich: Rates
    """Fixes a second that each member can do; as many members as entries."""
    store: Rates
    database: float
    """Fixes a second that all members of the store can write together."""
    retention_s: float
    takeover_s: float
    """How long a group stands still for a rebalance."""
    session_s: float


class Outcome(NamedTuple):
    """What happened. Fixes, if not said otherwise."""

    catch_up_s: float
    """From the end of the outage until no more than a second's fixes waited; infinite if never."""
    peak: float
    worst_partition_s: float
    """The longest backlog of a partition, in seconds of its own rate."""
    arrived: float
    stored: float
    deleted: float
    waiting: float
    seconds: NDArray[np.float64]
    """Times of the samples, 0 being the beginning of the outage."""
    backlog: NDArray[np.float64]
    """At these times."""


class Queue:
    """Records of a topic that wait, by partition; those that are too old are deleted."""

    def __init__(self, partitions: int, retention_s: float) -> None:
        self.waiting = np.zeros(partitions)
        self.deleted = 0.0
        self._arrived = np.zeros(partitions)
        self._gone = np.zeros(partitions)
        self._retention_s = retention_s
        self._history: deque[tuple[float, Rates]] = deque()
        self._next = 0.0

    def put(self, records: Rates) -> None:
        """Records come."""
        self.waiting += records
        self._arrived += records

    def take(self, records: Rates) -> None:
        """Records were read."""
        self.waiting -= records
        self._gone += records

    def age(self, now_s: float) -> None:
        """Delete what came longer ago than the retention."""
        if now_s >= self._next:
            self._history.append((now_s, self._arrived.copy()))
            self._next = now_s + self._retention_s / SNAPSHOTS
        while self._history and self._history[0][0] <= now_s - self._retention_s:
            _, arrived = self._history.popleft()
            old = np.maximum(arrived - self._gone, 0.0)
            self.take(old)
            self.deleted += float(old.sum())


def serve(waiting: Rates, owner: NDArray[np.int64], able: Rates) -> Rates:
    """What members read in a step: each shares what it is able to among its partitions that have
    records, in turns."""
    served = np.zeros_like(waiting)
    left = able.copy()
    for _ in range(TURNS):
        rest = waiting - served
        busy = rest > 1e-9
        shares = np.bincount(owner[busy], minlength=len(able))
        if not (busy.any() and (left[shares > 0] > 1e-9).any()):
            break
        turn = np.where(busy, np.minimum(rest, (left / np.maximum(shares, 1))[owner]), 0.0)
        served += turn
        left -= np.bincount(owner, turn, len(able))
    return served


def run(scene: Scene, outage: Outage, step_s: float = 5.0, most_s: float = 86_400.0) -> Outcome:
    """From the outage until it has caught up, or ``most_s`` after its end."""
    count = len(scene.rates)
    fixes, enriched = Queue(count, scene.retention_s), Queue(count, scene.retention_s)
    enrich_owner = owners(len(scene.enrich), count, ENRICH_TOPICS)
    store_owner = owners(len(scene.store), count, STORE_TOPICS)
    arrived = stored = peak = worst = now = 0.0
    done = math.inf
    samples: list[tuple[float, float]] = []
    while now < outage.seconds + most_s:
        fixes.put(scene.rates * step_s)
        arrived += float(scene.rates.sum()) * step_s
        if not (outage.what == "enrich" and now < _ready(outage, scene)):
            read = serve(fixes.waiting, enrich_owner, scene.enrich * step_s)
            fixes.take(read)
            enriched.put(read)
        able = _store_able(scene, outage, now) * step_s
        written = serve(enriched.waiting, store_owner, able)
        written *= min(1.0, scene.database * step_s / max(float(written.sum()), 1e-9))
        enriched.take(written)
        stored += float(written.sum())
        now += step_s
        fixes.age(now)
        enriched.age(now)
        waiting = fixes.waiting + enriched.waiting
        backlog = float(waiting.sum())
        peak = max(peak, backlog)
        worst = max(worst, float((waiting / np.maximum(scene.rates, 1e-9)).max()))
        samples.append((now, backlog))
        if now >= outage.seconds and backlog <= DONE_S * float(scene.rates.sum()):
            done = now - outage.seconds
            break
    seconds, backlogs = np.array(samples).T
    left = float(fixes.waiting.sum() + enriched.waiting.sum())
    deleted = fixes.deleted + enriched.deleted
    return Outcome(done, peak, worst, arrived, stored, deleted, left, seconds, backlogs)


def _ready(outage: Outage, scene: Scene) -> float:
    return outage.seconds + scene.takeover_s


def _store_able(scene: Scene, outage: Outage, now: float) -> Rates:
    """What each member of the store can do at a time: nothing while the database is away. One that
    dies does nothing until it is missed; then all stand still, and it is back."""
    if outage.what == "database" and now < outage.seconds:
        return np.zeros_like(scene.store)
    if outage.death_s is None:
        return scene.store
    since = now - outage.seconds - outage.death_s
    able = scene.store.copy()
    if 0 <= since < scene.session_s:
        able[0] = 0.0
    elif scene.session_s <= since < scene.session_s + scene.takeover_s:
        able[:] = 0.0
    return able


class Rebalance(NamedTuple):
    """How long a group takes to be back at work, in seconds."""

    noticed_s: float
    """Until a dead member is missed; 0 if one has joined."""
    joined_s: float
    """Then, until the last member has come to the new generation."""
    first_s: float
    """In all, until the first member works again."""
    last_s: float
    """In all, until the last one does."""


def rebalance(
    fleet: Fleet,
    found: Needs,
    costs: Costs,
    seed: int,
    *,
    died: bool,
    stateful: bool,
    round_s: float = 0.5,
) -> Rebalance:
    """A member of enrich (``stateful``) or of the store dies, or one joins.

    Every member hears of it with its next heartbeat, ends the round it is in (up to ``round_s``),
    and joins; when the last one has, partitions are shared anew. Then each member of enrich reads
    the zone state of all its partitions. Speeds vary from member to member by some 10 %.
    """
    deal = np.random.default_rng(seed)
    before = found.enrich if stateful else found.store
    # The only one that there is has to come back itself.
    members = max(1, before - 1) if died else before + 1
    noticed = costs.session_s - deal.uniform(0, costs.heartbeat_s) if died else 0.0
    heard = deal.uniform(0, costs.heartbeat_s, members) + deal.uniform(0, round_s, members)
    joined = float(heard.max())
    state_s = 0.0
    if stateful:
        terminals = fleet.terminals / found.partitions
        state_s = recovery_s(terminals, state_records_s(fleet, costs) / found.partitions, costs)
    shares = np.bincount(owners(members, found.partitions, ENRICH_TOPICS), minlength=members)
    work = shares * state_s * deal.lognormal(0, 0.1, members)
    return Rebalance(
        noticed, joined, noticed + joined + float(work.min()), noticed + joined + float(work.max())
    )


def scene_of(found: Needs, costs: Costs, rates: Rates, seed: int, takeover_s: float) -> Scene:
    """As many members as a fleet needs; each a little faster or slower than the others."""
    deal = np.random.default_rng(seed)
    one = min(
        costs.database_cores * 1e6 / costs.database_us,
        costs.database_wal_bytes_s / costs.wal_bytes,
    )
    return Scene(
        rates,
        1e6 / costs.enrich_us / deal.lognormal(0, 0.1, found.enrich),
        1e6 / costs.store_us / deal.lognormal(0, 0.1, found.store),
        one * found.databases,
        costs.log_days * 86_400,
        takeover_s,
        costs.session_s,
    )
