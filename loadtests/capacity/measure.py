"""The sizes that the capacity model starts from: python -m loadtests.capacity.measure.

Sizes are exact and the same on every machine, so nothing of this is timed: bytes that a terminal
sends, bytes of each topic's record with and without compression, bytes of a row.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import asyncpg
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from loadtests.capacity.stored import stored_sizes
from services.codec import encode_fix, encode_tally, encode_zone_state, splice_enriched
from services.enrich.state import state_key
from services.log.base import Entry
from services.model import Fix, Source, Tally, ZoneState
from services.nmea.stream import Stream
from services.runtime.embedded_postgres import EmbeddedPostgres
from services.store.tables import TALLY_COLUMNS
from services.tools.fleet import make_fleet, sentences
from services.tools.zones import read_zone_files
from services.zones.enriching import enrich_fixes
from services.zones.index import ZoneIndex
from services.zones.transitions import TerminalZones

START_US = 1_760_000_000_000_000
SECOND_US = 1_000_000
ZONES = Path(__file__).parents[2] / "services/tools/data/wenzhou_zones.geojson"
TERMINALS = 40
SECONDS = 3_000
CROWD = 1_000
CROWD_SECONDS = 4
"""In a large fleet a batch holds one fix of many terminals, which compresses worse than many
fixes of one."""
RUN = "0d5b8a52c1f94f6e"
BATCHES = (1, 10, 100, 1_000)
"""Records in a batch of Kafka."""
TALLIED_PARTITIONS = (12, 96, 1_024)
SHORT = (b"RMC", b"GGA")


class Journeys(NamedTuple):
    """What a fleet sent, and the records that became of it, in the order of time."""

    wire_bytes: Mapping[str, float]
    """A fix, by mix of sentences."""
    lines: float
    """A fix of the full mix."""
    fixes: Sequence[Entry]
    enriched: Sequence[Entry]
    states: Sequence[Entry]


def drive(terminals: int = TERMINALS, seconds: int = SECONDS) -> Journeys:
    """A fleet at 1 Hz, half of it on roads and half on water, through decoder and zones."""
    fleet = make_fleet(terminals // 2, terminals - terminals // 2, seed=7)
    streams = [Stream(terminal.name, run=RUN) for terminal in fleet]
    index = ZoneIndex(read_zone_files([str(ZONES)]))
    states: dict[str, TerminalZones] = {}
    short = full = lines = epochs = 0
    entries: tuple[list[Entry], list[Entry]] = ([], [])
    for second in range(seconds):
        now_us = START_US + second * SECOND_US
        fixes: list[Fix] = []
        for terminal, stream in zip(fleet, streams, strict=True):
            epoch = sentences(terminal, now_us)
            parts = epoch.splitlines(keepends=True)
            short += sum(len(line) for line in parts if line[3:6] in SHORT)
            full, lines, epochs = full + len(epoch), lines + len(parts), epochs + 1
            fixes += stream.feed(epoch, now_us + 300_000).fixes
        _enrich(index, states, fixes, entries)
    return Journeys(
        {"RMC+GGA": short / epochs, "all sentences": full / epochs},
        lines / epochs,
        *entries,
        list(_states(states)),
    )


def _enrich(
    index: ZoneIndex,
    states: dict[str, TerminalZones],
    fixes: Sequence[Fix],
    entries: tuple[list[Entry], list[Entry]],
) -> None:
    for fix, result in zip(fixes, enrich_fixes(index, states, fixes), strict=True):
        value, source = encode_fix(fix), Source(3, len(entries[0]))
        entries[0].append(Entry(fix.terminal.encode(), value))
        enriched = splice_enriched(value, result.zones, result.late, source)
        entries[1].append(Entry(fix.terminal.encode(), enriched))


def _states(states: Mapping[str, TerminalZones]) -> Iterable[Entry]:
    for name, state in states.items():
        value = ZoneState(name, Source(3, 1_234_567), 17, state.last_time_us, state.inside)
        yield Entry(state_key(name, 17), encode_zone_state(value))


def tally_bytes(partitions: int) -> int:
    """A tally's record once its run has published to so many partitions of the fix topic."""
    offsets = dict.fromkeys(range(partitions), 123_456_789)
    known = dict.fromkeys(TALLY_COLUMNS, 123_456_789) | {
        "run": RUN, "lines_rejected": {}, "fix_offsets": offsets, "message_offsets": {},
        "reject_offsets": {}, "final": False,
    }  # fmt: skip
    return len(encode_tally(Tally(**known)))  # type: ignore[arg-type]


def batch_bytes(entries: Sequence[Entry], size: int) -> float:
    """A record, when so many are a batch of Kafka without compression, as Dipper sends them."""
    total = count = 0
    for start in range(0, len(entries) - size + 1, max(size, len(entries) // 20)):
        total += len(_batch(entries[start : start + size]))
        count += size
    return total / count


def _batch(entries: Sequence[Entry]) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 1, 1, 1, 0, 1 << 24)
    for offset, (key, value) in enumerate(entries):
        builder.append(offset, START_US // 1_000, key, value, [])
    return bytes(builder.build())


def compressors() -> dict[str, Callable[[bytes], bytes]]:
    """The codecs of Kafka that are installed; `pip install cramjam` gives lz4 and zstd."""
    found: dict[str, Callable[[bytes], bytes]] = {"gzip": lambda data: zlib.compress(data, 6)}
    try:
        cramjam = importlib.import_module("cramjam")
    except ModuleNotFoundError:
        return found
    found["lz4"] = lambda data: bytes(cramjam.lz4.compress(data))
    found["zstd"] = lambda data: bytes(cramjam.zstd.compress(data, 3))
    return found


def compressed_bytes(
    entries: Sequence[Entry], size: int, compress: Callable[[bytes], bytes]
) -> float:
    """A record, when the broker or the producer compresses batches of so many."""
    header = 61
    total = count = 0
    for start in range(0, len(entries) - size + 1, max(size, len(entries) // 20)):
        batch = _batch(entries[start : start + size])
        total += header + len(compress(batch[header:]))
        count += size
    return total / count


def record_sizes(journeys: Journeys) -> dict[str, dict[str, float]]:
    """Bytes a record by topic, and by codec and records a batch."""
    found = {}
    topics = {"fix.v1": journeys.fixes, "enriched.v1": journeys.enriched}
    for topic, entries in topics.items():
        sizes = {f"none, {size}": batch_bytes(entries, size) for size in BATCHES}
        for codec, compress in compressors().items():
            for size in BATCHES:
                sizes[f"{codec}, {size}"] = compressed_bytes(entries, size, compress)
        found[topic] = sizes
    states = journeys.states
    found["zone-state.v1"] = {f"none, {len(states)}": batch_bytes(states, len(states))}
    found["tally.v1"] = {f"{each} partitions": tally_bytes(each) for each in TALLIED_PARTITIONS}
    return found


async def measure(terminals: int, seconds: int, *, columns: bool) -> dict[str, object]:
    """All sizes; ``columns``: also those of TimescaleDB's columnstore, on the tests' engine."""
    crowd = drive(CROWD, CROWD_SECONDS)
    found: dict[str, object] = {
        "bytes on the wire a fix, without TCP": crowd.wire_bytes,
        "lines a fix, all sentences": crowd.lines,
        "bytes a record": record_sizes(crowd),
    }
    journeys = drive(terminals, seconds)
    with tempfile.TemporaryDirectory(prefix="dipper-capacity-") as directory:
        async with EmbeddedPostgres(Path(directory) / "postgres") as dsn:
            found["bytes a row, PostgreSQL"] = await stored_sizes(dsn, journeys.enriched)
    if columns:
        from tests.engines.pglite import start_server

        server = start_server()
        try:
            found["bytes a row, TimescaleDB"] = await stored_sizes(server.dsn, journeys.enriched)
        finally:
            server.remove()
    return found


def main(arguments: Sequence[str]) -> int:
    """Print the sizes as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.capacity.measure", description=__doc__
    )
    parser.add_argument("--terminals", type=int, default=TERMINALS)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="fixes of each terminal")
    parser.add_argument("--no-columns", action="store_true", help="without TimescaleDB")
    given = parser.parse_args(arguments)
    try:
        found = asyncio.run(measure(given.terminals, given.seconds, columns=not given.no_columns))
    except (asyncpg.PostgresError, OSError) as error:
        print(f"loadtests.capacity.measure: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
