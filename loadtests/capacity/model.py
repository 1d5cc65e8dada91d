"""What a fleet needs, by arithmetic alone. Pure: costs and a fleet in, figures out.

What the arithmetic can't say (skew, queues, rebalances) is in ``simulation``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from loadtests.capacity.costs import Costs

YEAR_S = 365.25 * 86_400
DAY_S = 86_400
LEAF_BYTES = 8_192
"""A page of PostgreSQL: each terminal writes to one leaf of the index at a time."""
STEP = 12
"""Partitions come in multiples of this: the default, and divisible by 2, 3, 4 and 6."""
MEMBERS_SHARE = 3
"""Partitions a member: fewer would leave some members twice the work of others."""


class Fleet(NamedTuple):
    """Who sends how often. Moving terminals send at 1 Hz, a few of them at 10 Hz."""

    terminals: int
    parked_share: float = 0.6
    parked_interval_s: float = 60.0
    fast_share: float = 0.01
    """Of the moving ones, receivers of 10 Hz."""

    @property
    def moving(self) -> float:
        """Terminals on the move."""
        return self.terminals * (1 - self.parked_share)

    @property
    def fixes_s(self) -> float:
        """Fixes a second of all."""
        parked = self.terminals * self.parked_share / self.parked_interval_s
        return self.moving * (1 + 9 * self.fast_share) + parked


class Rounds(NamedTuple):
    """How an ingest process appends: in rounds, a batch for each partition that has a record."""

    interval_s: float
    records: float
    """A round."""
    batches: float
    """A round."""

    @property
    def batch_records(self) -> float:
        """A batch."""
        return self.records / self.batches


class Needs(NamedTuple):
    """What a fleet needs, with the headroom of ``Costs.busy``."""

    fixes_s: float
    wire_bytes_s: float
    partitions: int
    ingest: int
    """Processes, of at most one core each; so are those of enrich and store."""
    enrich: int
    store: int
    rounds: Rounds
    batches_s: float
    """Produce batches a second of all processes."""
    brokers: int
    broker_cores: float
    log_bytes: float
    """On the disks of all brokers, copies included."""
    log_packed_bytes: float
    """The same if the topics had zstd."""
    database_cores: float
    databases: int
    wal_bytes_s: float
    year_bytes: float
    """Positions of a year as rows, with their index."""
    year_column_bytes: float
    """The same with the columnstore: the last days as rows."""
    tally_bytes_s: float
    """Into the one partition of tally.v1."""
    ledger_rows: float
    """Rows of the ledger that a restart of every ingest process adds."""

    ingest_cores: float
    """Busy; a process that is full of connections need not be."""
    enrich_cores: float
    store_cores: float


def needs(fleet: Fleet, costs: Costs, partitions: int | None = None) -> Needs:
    """What the fleet needs; with ``partitions`` given they are not chosen."""
    rate = fleet.fixes_s
    store = _processes(rate * costs.store_us, costs)
    enrich = _processes(rate * costs.enrich_us, costs)
    count = partitions or partitions_for(max(store, enrich))
    ingest, rounds = _ingest(fleet, costs, count)
    batches_s = ingest * rounds.batches / rounds.interval_s
    enriched_s = enriched_batches_s(rate, count, costs)
    broker_cores = _broker_cores(rate, batches_s, enriched_s, costs)
    state_s = state_records_s(fleet, costs)
    headers_s = (batches_s + enriched_s) * costs.batch_header_bytes
    written_s = rate * (costs.fix_bytes + costs.enriched_bytes) + headers_s
    packed_s = rate * packed_bytes(rounds.batch_records, rate / enriched_s, costs)
    tally = tally_bytes(count, costs) * ingest / rounds.interval_s
    state = state_s * costs.state_bytes
    database_cores = rate * costs.database_us / 1e6
    return Needs(
        fixes_s=rate,
        wire_bytes_s=rate * costs.wire_bytes,
        partitions=count,
        ingest=ingest,
        enrich=enrich,
        store=store,
        rounds=rounds,
        batches_s=batches_s + enriched_s,
        brokers=_brokers(broker_cores, written_s + state + tally, count, costs),
        broker_cores=broker_cores,
        log_bytes=(written_s + tally) * costs.log_days * DAY_S * costs.copies,
        log_packed_bytes=(packed_s + tally) * costs.log_days * DAY_S * costs.copies,
        database_cores=database_cores,
        databases=max(
            math.ceil(database_cores / costs.database_cores / costs.busy),
            math.ceil(rate * costs.wal_bytes / costs.database_wal_bytes_s / costs.busy),
        ),
        wal_bytes_s=rate * costs.wal_bytes,
        year_bytes=rate * YEAR_S * _row_bytes(costs),
        year_column_bytes=rate * _mixed_year(costs),
        tally_bytes_s=tally,
        ledger_rows=float(ingest * count),
        ingest_cores=rate * ingest_us(rounds, costs) / 1e6,
        enrich_cores=rate * costs.enrich_us / 1e6,
        store_cores=rate * costs.store_us / 1e6,
    )


def partitions_for(members: int) -> int:
    """Enough for so many members of one group, and never fewer than the default."""
    return max(STEP, math.ceil(members * MEMBERS_SHARE / STEP) * STEP)


def distinct(draws: float, places: float) -> float:
    """Of so many places, those that random draws have met at least once (expected)."""
    if draws <= 1:
        return max(draws, 0.0)
    return places * -math.expm1(draws * math.log1p(-1 / places)) if places > 1 else 1.0


def rounds_of(rate: float, partitions: int, costs: Costs) -> Rounds:
    """Rounds of an ingest process that gets ``rate`` fixes a second: a round can't begin before
    the one before is in the log, so many batches make long rounds."""
    interval = costs.linger_s
    for _ in range(50):
        records = max(1.0, rate * interval)
        batches = distinct(records, partitions)
        interval = max(costs.linger_s, batches * costs.batch_client_us / 1e6 / costs.busy)
    records = max(1.0, rate * interval)
    return Rounds(interval, records, distinct(records, partitions))


def ingest_us(rounds: Rounds, costs: Costs) -> float:
    """Processor time a fix, with batches of that size instead of those of the measured run."""
    return max(1.0, costs.ingest_us + costs.batch_client_us * _more(rounds.batch_records, costs))


def enriched_batches_s(rate: float, partitions: int, costs: Costs) -> float:
    """Batches a second of enriched.v1: a partition has one a round if it has a record."""
    each = rate / partitions * costs.linger_s
    return partitions / costs.linger_s * -math.expm1(-each)


def packed_bytes(fix_batch: float, enriched_batch: float, costs: Costs) -> float:
    """Bytes of a fix in both topics with zstd, by records a batch: small batches compress badly."""
    return _packed(
        fix_batch, costs.fix_packed_1_bytes, costs.fix_packed_10_bytes, costs.fix_packed_100_bytes
    ) + _packed(
        enriched_batch,
        costs.enriched_packed_1_bytes,
        costs.enriched_packed_10_bytes,
        costs.enriched_packed_100_bytes,
    )


def _packed(records: float, one: float, ten: float, hundred: float) -> float:
    """Between what was measured, by the logarithm of the batch's size."""
    size = min(max(math.log10(records), 0.0), 2.0)
    return one + (ten - one) * size if size < 1 else ten + (hundred - ten) * (size - 1)


def state_records_s(fleet: Fleet, costs: Costs) -> float:
    """Of zone-state.v1: each terminal that has sent since the last checkpoint."""
    parked = fleet.terminals * fleet.parked_share / max(fleet.parked_interval_s, costs.checkpoint_s)
    return fleet.moving / costs.checkpoint_s + parked


def tally_bytes(partitions: int, costs: Costs) -> float:
    """A tally names the offset of every partition."""
    return costs.tally_bytes + costs.tally_partition_bytes * partitions


def recovery_s(terminals: float, state_rate: float, costs: Costs) -> float:
    """Seconds until enrich has the zone state of a partition: what compaction has left, and the
    segment that is being written, which it never touches.

    ``terminals`` and ``state_rate`` (records a second) are those of the partition.
    """
    segment = min(costs.state_segment_bytes / costs.state_bytes, state_rate * DAY_S)
    records = terminals / 0.8 + segment
    read_us = records * costs.state_read_us + terminals * costs.state_fold_us
    return costs.state_open_s + read_us / 1e6


def ledger_rows_a_fix(fleet: Fleet, costs: Costs) -> float:
    """Rows of the ledger that the store updates for each row of positions: one for each run of
    ingest that a transaction has fixes of."""
    runs = needs(fleet, costs).ingest
    return distinct(costs.store_batch, runs) / costs.store_batch


class Limit(NamedTuple):
    """Something that is full one day."""

    name: str
    share: Callable[[Fleet], float]
    """How full it is, 1 being full; grows with the terminals."""
    then: str
    """What helps."""


def reached_at(limit: Limit, fleet: Fleet, most: int = 100_000_000) -> int | None:
    """Terminals at which the limit is reached, to 1 %; None if not below ``most``."""
    low, high = 1, most
    if limit.share(fleet._replace(terminals=most)) < 1:
        return None
    while high > low * 1.01 + 1:
        middle = math.isqrt(low * high) + 1
        if limit.share(fleet._replace(terminals=middle)) < 1:
            low = middle
        else:
            high = middle
    return high


def _processes(us_a_second: float, costs: Costs) -> int:
    return max(1, math.ceil(us_a_second / 1e6 / costs.busy))


def _more(records: float, costs: Costs) -> float:
    """Batches a fix beyond those of the measured run."""
    return 1 / records - 1 / costs.measured_batch


def _ingest(fleet: Fleet, costs: Costs, partitions: int) -> tuple[int, Rounds]:
    """Processes for the connections and for the work; more of them make smaller batches."""
    count = math.ceil(fleet.terminals / costs.connections_per_ingest)
    for _ in range(20):
        rounds = rounds_of(fleet.fixes_s / count, partitions, costs)
        wanted = max(count, _processes(fleet.fixes_s * ingest_us(rounds, costs), costs))
        if wanted == count:
            break
        count = wanted
    return count, rounds_of(fleet.fixes_s / count, partitions, costs)


def _broker_cores(rate: float, batches_s: float, enriched_s: float, costs: Costs) -> float:
    measured = rate * costs.broker_us
    more = batches_s + enriched_s - 2 * rate / costs.measured_batch
    leaders = max(rate, measured + more * costs.batch_broker_us)
    return leaders * (1 + (costs.copies - 1) * costs.follower_share) / 1e6


def _brokers(cores: float, bytes_s: float, partitions: int, costs: Costs) -> int:
    topics = 6
    return max(
        int(costs.copies),
        math.ceil(cores / costs.broker_cores / costs.busy),
        math.ceil(bytes_s * costs.copies / costs.broker_disk_bytes_s),
        math.ceil(topics * partitions * costs.copies / costs.broker_partitions),
    )


def _row_bytes(costs: Costs) -> float:
    return costs.heap_bytes + costs.index_bytes


def _mixed_year(costs: Costs) -> float:
    """Bytes of one fix a second for a year, the last days as rows."""
    recent = costs.columns_after_days * DAY_S
    return recent * _row_bytes(costs) + (YEAR_S - recent) * costs.column_bytes
