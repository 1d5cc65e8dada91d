"""The measured figures that the capacity model starts from, each with its unit and its source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

from loadtests.document import Document

SIZES = "python -m loadtests.capacity.measure, 2026-11-27"
STEADY = "python -m loadtests steady --log kafka --ack --rate 25000 --seconds 40, 2026-11-27"
BATCHES = "python -m loadtests.capacity.measure_log, 2026-11-27"
LISTED = "decode_terminal and Registry.replace, 50,000 terminals, 2026-11-23"
STATES = BATCHES
CODE = "a default of the code"
ASSUMED = "assumed, not measured"


def _figure(value: float, unit: str, source: str) -> Any:
    return field(default=value, metadata={"unit": unit, "source": source})


@dataclass(frozen=True, slots=True)
class Costs:
    """What a fix costs and what one part bears. The unit of each figure ends its name."""

    ingest_us: float = _figure(23.7, "µs of processor time a fix", STEADY)
    enrich_us: float = _figure(7.6, "µs of processor time a fix", STEADY)
    store_us: float = _figure(5.4, "µs of processor time a fix", STEADY)
    broker_us: float = _figure(10.8, "µs of processor time a fix, one copy", STEADY)
    database_us: float = _figure(8.9, "µs of processor time a fix", STEADY)
    measured_batch: float = _figure(41.7, "records a batch in that run", STEADY)
    batch_client_us: float = _figure(32.5, "µs of a client a batch", BATCHES)
    batch_broker_us: float = _figure(43.3, "µs of a broker a batch", BATCHES)
    wire_bytes: float = _figure(145.4, "bytes a fix, RMC and GGA", SIZES)
    wire_full_bytes: float = _figure(548.6, "bytes a fix, all sentences", SIZES)
    fix_bytes: float = _figure(460.5, "bytes a record of fix.v1", SIZES)
    fix_packed_1_bytes: float = _figure(375.9, "the same in zstd, batches of 1", SIZES)
    fix_packed_10_bytes: float = _figure(93.3, "the same in zstd, batches of 10", SIZES)
    fix_packed_100_bytes: float = _figure(50.1, "the same in zstd, batches of 100", SIZES)
    enriched_bytes: float = _figure(507.6, "bytes a record of enriched.v1", SIZES)
    enriched_packed_1_bytes: float = _figure(407.8, "the same in zstd, batches of 1", SIZES)
    enriched_packed_10_bytes: float = _figure(102.4, "the same in zstd, batches of 10", SIZES)
    enriched_packed_100_bytes: float = _figure(54.5, "the same in zstd, batches of 100", SIZES)
    batch_header_bytes: float = _figure(61.0, "bytes a batch", "Kafka's record format 2")
    state_bytes: float = _figure(125.9, "bytes a record of zone-state.v1", SIZES)
    tally_bytes: float = _figure(312.0, "bytes a tally", SIZES)
    tally_partition_bytes: float = _figure(15.0, "bytes more for each partition", SIZES)
    heap_bytes: float = _figure(105.6, "bytes a row of positions", SIZES)
    index_bytes: float = _figure(34.6, "bytes a row in its index", SIZES)
    column_bytes: float = _figure(19.2, "bytes a row in the columnstore", SIZES)
    wal_bytes: float = _figure(216.7, "bytes of write-ahead log a row", SIZES)
    connection_bytes: float = _figure(
        5_308.0, "bytes a connection", "python -m loadtests bench --log kafka, 2026-11-27"
    )
    listed_us: float = _figure(6.4, "µs a terminal with token to read a list", LISTED)
    listed_bytes: float = _figure(280.0, "bytes a listed terminal in memory", LISTED)
    state_read_us: float = _figure(3.5, "µs a state record, waiting included", STATES)
    state_fold_us: float = _figure(4.6, "µs a terminal to recover", STATES)
    state_open_s: float = _figure(0.11, "s a partition, even an empty one", STATES)
    connections_per_ingest: float = _figure(10_000, "connections", CODE)
    cached_terminals: float = _figure(250_000, "terminals a store process", CODE)
    linger_s: float = _figure(0.02, "s between rounds of ingest and enrich", CODE)
    checkpoint_s: float = _figure(5.0, "s between saves of zone state", CODE)
    session_s: float = _figure(8.0, "s of silence until a member is dead", CODE)
    heartbeat_s: float = _figure(1.0, "s between heartbeats", CODE)
    log_days: float = _figure(7.0, "days that Kafka keeps records", CODE)
    copies: float = _figure(3.0, "copies of a topic", CODE)
    state_segment_bytes: float = _figure(64 << 20, "bytes of a segment not compacted yet", CODE)
    store_batch: float = _figure(1_000.0, "records of a transaction", CODE)
    columns_after_days: float = _figure(7.0, "days until rows become columns", CODE)
    busy: float = _figure(0.5, "share of a core in use", ASSUMED)
    broker_cores: float = _figure(16.0, "cores a broker", ASSUMED)
    broker_disk_bytes_s: float = _figure(200e6, "bytes/s that a broker writes", ASSUMED)
    broker_partitions: float = _figure(4_000.0, "partitions with copies a broker", ASSUMED)
    follower_share: float = _figure(0.5, "of the leader's work, a copy", ASSUMED)
    database_cores: float = _figure(32.0, "cores of the largest database", ASSUMED)
    database_wal_bytes_s: float = _figure(200e6, "bytes/s of write-ahead log", ASSUMED)
    database_memory_bytes: float = _figure(256e9, "bytes of its memory", ASSUMED)
    columns_rows_s: float = _figure(300_000.0, "rows/s made columns by one job", ASSUMED)
    partition_bytes_s: float = _figure(20e6, "bytes/s into one partition", ASSUMED)


class Source(NamedTuple):
    """Where a figure comes from."""

    name: str
    value: float
    unit: str
    source: str


def sources(costs: Costs) -> Iterator[Source]:
    """Every figure with its unit and its source; one that was changed says so."""
    for each in fields(costs):
        value = getattr(costs, each.name)
        said = each.metadata["source"] if value == each.default else "given by --costs"
        yield Source(each.name, value, each.metadata["unit"], said)


MEASURED = {
    "CPU a fix, ingest": "ingest_us",
    "CPU a fix, enrich": "enrich_us",
    "CPU a fix, store": "store_us",
    "CPU a fix, kafka": "broker_us",
    "CPU a fix, postgres": "database_us",
}
SCENARIOS = ("steady", "ramp", "whole")
"""Those that are long enough, the first one that a document has counts."""
PARTITIONS = 12
"""Of the data topics in such a run."""
STORED = "fixes stored"


class CostsError(ValueError):
    """A document that has not what the model needs; the text says what."""


def costs_of(document: Document, base: Costs | None = None) -> Costs:
    """Processor times from a run with ``--log kafka``, everything else from ``base``.

    Raises CostsError: only there has each service a process of its own.
    """
    for scenario in SCENARIOS:
        for report in document.reports:
            found = {result.name: result.value for result in report.results}
            if report.scenario == scenario and MEASURED.keys() <= found.keys():
                known = {name: found[said] for said, name in MEASURED.items()}
                given = replace(base or Costs(), **known)
                if rate := found.get(STORED):
                    records = max(1.0, rate * given.linger_s / PARTITIONS)
                    given = replace(given, measured_batch=records)
                return given
    raise CostsError(
        f"no result of {', '.join(SCENARIOS)} tells the processor time of each service: "
        "run one with --log kafka --json FILE"
    )
