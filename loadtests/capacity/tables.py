"""Tables of the capacity model and its simulations, for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from loadtests.capacity.costs import Costs, sources
from loadtests.capacity.limits import chunk_rows, names_a_store, ranked, rebalance_s
from loadtests.capacity.model import LEAF_BYTES, Fleet, Needs, ingest_us, ledger_rows_a_fix
from loadtests.capacity.studies import Spread, Study

UNITS = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
Row = tuple[str, Callable[[Fleet, Needs], str]]


def amount(bytes_: float) -> str:
    """With its unit, three digits."""
    for size, unit in UNITS:
        if bytes_ >= size:
            return f"{bytes_ / size:.3g} {unit}"
    return f"{bytes_:.0f} B"


def duration(seconds: float) -> str:
    """With its unit."""
    if math.isinf(seconds):
        return "never"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.1f} s"


def rows(costs: Costs) -> Sequence[Row]:
    """What is told of each fleet."""
    return (
        ("fixes", lambda _, need: f"{need.fixes_s:,.0f} /s"),
        ("from terminals, RMC and GGA", lambda _, need: f"{amount(need.wire_bytes_s)}/s"),
        ("processes of ingest", lambda _, need: f"{need.ingest:,}"),
        ("µs a fix in ingest", lambda _, need: f"{ingest_us(need.rounds, costs):.1f}"),
        ("records a batch from ingest", lambda _, need: f"{need.rounds.batch_records:.1f}"),
        ("processes of enrich", lambda _, need: f"{need.enrich:,}"),
        ("processes of the store", lambda _, need: f"{need.store:,}"),
        ("cores busy in ingest", lambda _, need: f"{need.ingest_cores:,.2f}"),
        ("cores busy in enrich", lambda _, need: f"{need.enrich_cores:,.2f}"),
        ("cores busy in the store", lambda _, need: f"{need.store_cores:,.2f}"),
        ("memory of connections", lambda fleet, _: amount(
            fleet.terminals * costs.connection_bytes)),
        ("partitions", lambda _, need: f"{need.partitions:,}"),
        ("batches into the log", lambda _, need: f"{need.batches_s:,.0f} /s"),
        ("brokers", lambda _, need: f"{need.brokers:,}"),
        ("cores busy in brokers", lambda _, need: f"{need.broker_cores:,.1f}"),
        ("log, 7 days, 3 copies", lambda _, need: amount(need.log_bytes)),
        ("the same with zstd", lambda _, need: amount(need.log_packed_bytes)),
        ("databases", lambda _, need: f"{need.databases}"),
        ("cores busy in databases", lambda _, need: f"{need.database_cores:,.2f}"),
        ("write-ahead log", lambda _, need: f"{amount(need.wal_bytes_s)}/s"),
        ("rows of a year, with index", lambda _, need: amount(need.year_bytes)),
        ("a year, columns after 7 days", lambda _, need: amount(need.year_column_bytes)),
        ("a chunk of a day", lambda fleet, _: f"{chunk_rows(fleet):.3g} rows"),
        ("its index that is written to", lambda fleet, _: amount(fleet.terminals * LEAF_BYTES)),
        ("tallies", lambda _, need: f"{amount(need.tally_bytes_s)}/s"),
        ("ledger rows updated a fix", lambda fleet, _: f"{ledger_rows_a_fix(fleet, costs):.3f}"),
        ("ledger rows a restart of ingest", lambda _, need: f"{need.ledger_rows:,.0f}"),
        ("names a store has to remember", lambda fleet, _: f"{names_a_store(fleet, costs):,.0f}"),
        ("enrich stands still at its start", lambda fleet, _: duration(
            rebalance_s(fleet, costs))),
    )  # fmt: skip


def show(console: Console, studies: Sequence[Study], costs: Costs, seeds: int) -> None:
    """All tables."""
    console.print(_needs(studies, costs))
    console.print(_limits(studies[0].fleet, costs))
    console.print(_skews(studies, seeds))
    console.print(_moves(studies, seeds))
    console.print(_catch_ups(studies, seeds))
    console.print(_sources(costs))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    return table


def _sizes(studies: Sequence[Study]) -> list[str]:
    return [f"{each.fleet.terminals:,}" for each in studies]


def _needs(studies: Sequence[Study], costs: Costs) -> Table:
    table = _table("What fleets need (modelled)", "terminals", *_sizes(studies))
    for name, value in rows(costs):
        table.add_row(name, *(value(each.fleet, each.needs) for each in studies))
    return table


def _limits(fleet: Fleet, costs: Costs) -> Table:
    table = Table(title="What breaks first (modelled)", title_justify="left")
    table.add_column("limit", overflow="fold")
    table.add_column("terminals", justify="right", no_wrap=True)
    table.add_column("what helps", overflow="fold")
    for each in ranked(fleet, costs):
        count = "beyond 100 million" if each.terminals is None else _round(each.terminals)
        table.add_row(each.name, count, each.then)
    return table


def _round(count: int) -> str:
    """Two digits: the model is no better."""
    return f"{float(f'{count:.2g}'):,.0f}"


def _skews(studies: Sequence[Study], seeds: int) -> Table:
    table = _table(
        f"The busiest as a multiple of the mean (simulated, {seeds} seeds)",
        "terminals, who sends how often", "partition p50", "p90", "most", "store process p50",
        "most",
    )  # fmt: skip
    for one in studies:
        for each in one.skews:
            partition, member = each.partition, each.member
            figures = (partition.p50, partition.p90, partition.most, member.p50, member.most)
            name = f"{one.fleet.terminals:,}, {each.manner}"
            table.add_row(name, *(f"{figure:.2f}" for figure in figures))
    return table


def _moves(studies: Sequence[Study], seeds: int) -> Table:
    table = _table(
        f"Rebalances (simulated, {seeds} seeds): p50 / p90 / most",
        "terminals", "noticed after", "all have joined after", "the last works again after",
    )  # fmt: skip
    for one in studies:
        for each in one.moves:
            name = f"{one.fleet.terminals:,}, {each.name}"
            table.add_row(name, *map(_spread, (each.noticed, each.joined, each.last)))
    return table


def _catch_ups(studies: Sequence[Study], seeds: int) -> Table:
    table = _table(
        f"After an hour's outage (simulated, {seeds} seeds): p50 / p90 / most",
        "terminals", "caught up after", "fixes that waited", "deleted unread",
    )  # fmt: skip
    for one in studies:
        for each in one.catch_ups:
            name = f"{one.fleet.terminals:,}, {each.name}"
            deleted = f"{each.deleted:,.0f}"
            table.add_row(name, _spread(each.seconds), f"{each.peak.most:.3g}", deleted)
    return table


def _spread(found: Spread) -> str:
    return " / ".join(duration(value) for value in found)


def _sources(costs: Costs) -> Table:
    table = Table(title="What goes in", title_justify="left")
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("unit", overflow="fold")
    table.add_column("source", overflow="fold")
    for each in sources(costs):
        table.add_row(each.name, f"{each.value:,g}", each.unit, each.source)
    return table
