"""Where the design would break: each limit, and the fleet that reaches it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from loadtests.capacity.costs import Costs
from loadtests.capacity.model import (
    DAY_S,
    LEAF_BYTES,
    STEP,
    Fleet,
    Limit,
    ledger_rows_a_fix,
    needs,
    reached_at,
    recovery_s,
    state_records_s,
)

LIST_READ_S = 1.0
"""How long ingest's loop may stand still for a new list of terminals."""
LEDGER_ROWS = 0.25
"""Updates of the ledger a row of positions that the database bears without much being slower."""
INDEX_SHARE = 0.25
"""Of the database's memory, for the pages of the index that are written to."""


def limits(costs: Costs) -> Sequence[Limit]:
    """Those that a growing fleet reaches. What does not grow with it is in ``rebalance_s`` and
    ``names_a_store``."""
    return (
        Limit(
            "the 12 partitions of a new log: 12 processes of enrich",
            lambda fleet: needs(fleet, costs).enrich / STEP,
            "more partitions before the first fix (DIPPER_PARTITIONS)",
        ),
        Limit(
            f"reading a changed list of terminals holds up ingest for {LIST_READ_S:g} s",
            lambda fleet: fleet.terminals * costs.listed_us / 1e6 / LIST_READ_S,
            "take over the changes, not the whole list, each time",
        ),
        Limit(
            "one job makes columns as fast as rows come",
            lambda fleet: fleet.fixes_s / costs.columns_rows_s,
            "a job a chunk, several at a time; or several databases",
        ),
        Limit(
            "write-ahead log of one database, half of it in use",
            lambda fleet: fleet.fixes_s * costs.wal_bytes / costs.database_wal_bytes_s / costs.busy,
            "several databases: the store knows one",
        ),
        Limit(
            "processors of one database, half of them in use",
            lambda fleet: (
                fleet.fixes_s * costs.database_us / 1e6 / costs.database_cores / costs.busy
            ),
            "several databases: the store knows one",
        ),
        Limit(
            f"the ledger: {LEDGER_ROWS:g} rows updated for each row of positions",
            lambda fleet: ledger_rows_a_fix(fleet, costs) / LEDGER_ROWS,
            "a run for a machine and not for a process; larger transactions",
        ),
        Limit(
            "tallies into their one partition",
            lambda fleet: needs(fleet, costs).tally_bytes_s / costs.partition_bytes_s,
            "a tally a second instead of one a round; only the offsets that moved",
        ),
        Limit(
            "batches into the log that three brokers can take",
            lambda fleet: needs(fleet, costs).batches_s / three_brokers_batches_s(costs),
            "fewer, larger processes of ingest; DIPPER_INGEST_LINGER_S=0.1; more brokers",
        ),
        Limit(
            "pages of the index that are written to, in a quarter of the memory",
            lambda fleet: fleet.terminals * LEAF_BYTES / costs.database_memory_bytes / INDEX_SHARE,
            "several databases",
        ),
    )


def rebalance_s(fleet: Fleet, costs: Costs) -> float:
    """How long enrich stands still at a start or a rebalance: each member reads the state of all
    its partitions anew, one after the other."""
    found = needs(fleet, costs)
    each = recovery_s(
        fleet.terminals / found.partitions, state_records_s(fleet, costs) / found.partitions, costs
    )
    return costs.heartbeat_s + each * found.partitions / found.enrich


def three_brokers_batches_s(costs: Costs) -> float:
    """Batches a second that three brokers can take, if they did nothing else."""
    copies = 1 + (costs.copies - 1) * costs.follower_share
    return 3 * costs.broker_cores * costs.busy * 1e6 / costs.batch_broker_us / copies


def chunk_rows(fleet: Fleet) -> float:
    """Rows of a chunk of a day."""
    return fleet.fixes_s * DAY_S


class Reached(NamedTuple):
    """A limit and the fleet that reaches it."""

    name: str
    terminals: int | None
    then: str


def ranked(fleet: Fleet, costs: Costs) -> list[Reached]:
    """The limits in the order in which a growing fleet of this kind reaches them."""
    found = [Reached(limit.name, reached_at(limit, fleet), limit.then) for limit in limits(costs)]
    return sorted(found, key=lambda each: each.terminals or float("inf"))


def names_a_store(fleet: Fleet, costs: Costs) -> float:
    """Terminals whose ids a store process has to remember, to be compared with
    ``cached_terminals``: beyond it every batch asks the database for most of them."""
    return fleet.terminals / needs(fleet, costs).store
