"""The SQL of the store: for each topic its table, how rows get in, and the guards around."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import count, islice
from typing import NamedTuple

from services.log.base import ENRICHED, MESSAGE, REJECT, TALLY, ZONE_EVENT


class Table(NamedTuple):
    """A table that batches go into, all rows of a batch as one argument of one statement."""

    name: str
    columns: tuple[str, ...]
    """All of them, in the table's own order: a row goes over as a value of the table's type."""
    conflict: str = "ON CONFLICT DO NOTHING"
    """What happens to a row whose key is there already."""

    @property
    def insert(self) -> str:
        """Fails at a key that is there already."""
        return self.insert_from(f"unnest($1::{self.name}[])")

    @property
    def merge(self) -> str:
        """Keys that are there already do no harm."""
        return f"{self.insert} {self.conflict}"

    def insert_from(self, source: str) -> str:
        """Insert what an item of a FROM clause gives."""
        columns = ", ".join(self.columns)
        return f"INSERT INTO {self.name} ({columns}) SELECT {columns} FROM {source}"


POSITION_COLUMNS = (
    "time", "lat", "lon", "terminal_id", "altitude_m", "speed_kmh", "course_deg", "heading_deg",
    "hdop", "fix", "satellites_used", "gps_used", "glonass_used", "galileo_used", "beidou_used",
    "gps_in_view", "glonass_in_view", "galileo_in_view", "beidou_in_view", "late", "zones",
)  # fmt: skip


POSITION_KEY = ("time", "terminal_id")
POSITION_VALUES = tuple(
    column for column in POSITION_COLUMNS if column not in (*POSITION_KEY, "late", "zones")
)
"""What the sentences of an epoch say."""


def _set(columns: tuple[str, ...], *keep: str) -> str:
    return ", ".join(f"{column} = excluded.{column}" for column in columns if column not in keep)


def _update_if_newer(table: str, columns: tuple[str, ...], key: str, by: str) -> str:
    changes = _set(columns, key)
    return f"ON CONFLICT ({key}) DO UPDATE SET {changes} WHERE {table}.{by} < excluded.{by}"


def _said(row: str) -> str:
    """How many values a row of positions has."""
    return f"num_nonnulls({', '.join(f'{row}.{column}' for column in POSITION_VALUES)})"


POSITIONS = Table("positions", POSITION_COLUMNS)
LATEST = Table(
    "latest_position",
    POSITION_COLUMNS,
    _update_if_newer("latest_position", POSITION_COLUMNS, "terminal_id", "time")
    + " OR latest_position.time = excluded.time"
    + f" AND {_said('latest_position')} < {_said('excluded')}",
)
ZONE_EVENTS = Table(
    "zone_events",
    ("id", "time", "lat", "lon", "terminal_id", "zone", "zone_version", "kind"),
)
MESSAGES = Table(
    "messages",
    ("id", "time", "received_at", "terminal_id", "talker", "sentence", "fields", "line"),
)
REJECTS = Table(
    "rejects",
    (
        "topic", "partition", "log_offset", "received_at", "terminal", "reason", "detail", "raw",
        "run",
    ),
)  # fmt: skip
TALLY_COLUMNS = (
    "run", "sequence", "lines_read", "lines_pending", "lines_used", "lines_control",
    "lines_rejected", "fixes_published", "messages_published", "fix_offsets", "message_offsets",
    "reject_offsets", "lines_repeated", "final",
)  # fmt: skip
TALLIES = Table(
    "tallies", TALLY_COLUMNS, _update_if_newer("tallies", TALLY_COLUMNS, "run", "sequence")
)

TABLES: Mapping[str, Table] = {
    ENRICHED: POSITIONS,
    ZONE_EVENT: ZONE_EVENTS,
    MESSAGE: MESSAGES,
    REJECT: REJECTS,
    TALLY: TALLIES,
}
"""What the store consumes, and where it goes."""

WRITTEN = (POSITIONS, LATEST, ZONE_EVENTS, MESSAGES, REJECTS, TALLIES)

BEGIN_OFFSETS = """
INSERT INTO log_offsets (topic, partition, next)
SELECT topic, $2, 0 FROM unnest($1::text[]) AS wanted (topic)
ON CONFLICT DO NOTHING
"""
READ_OFFSETS = """
SELECT topic, next FROM log_offsets WHERE topic = ANY($1::text[]) AND partition = $2
"""
ALL_OFFSETS = "SELECT partition, next FROM log_offsets WHERE topic = $1"
MOVE_OFFSETS = """
UPDATE log_offsets AS held SET next = moved.next
FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[])
     AS moved (topic, partition, expected, next)
WHERE held.topic = moved.topic AND held.partition = moved.partition
  AND held.next = moved.expected
"""
"""Compare and set; moves none that is not where it is expected."""

_ADD_COUNTS = """
INSERT INTO ledger (topic, partition, run, name, count)
SELECT * FROM unnest({}::text[], {}::integer[], {}::text[], {}::text[], {}::bigint[])
ON CONFLICT (run, topic, partition, name) DO UPDATE SET count = ledger.count + excluded.count
"""
ADD_COUNTS = _ADD_COUNTS.format("$1", "$2", "$3", "$4", "$5")


@lru_cache
def all_at_once(written: tuple[Table, ...]) -> str:
    """All that a group of batches with rows for these tables brings, as one statement.

    Parameters: those of MOVE_OFFSETS, those of ADD_COUNTS, and the rows for each of the tables;
    after positions how many of them are not a terminal's latest: those come first. The result is
    the array of the runs whose tally was written.
    """
    numbers = (f"${number}" for number in count(5))
    steps = {"counted": _ADD_COUNTS.format(*islice(numbers, 5))}
    for table in written:
        rows = f"unnest({next(numbers)}::{table.name}[])"
        steps[table.name] = table.insert_from(rows)
        if table is POSITIONS:
            newest = f"(SELECT * FROM {rows} OFFSET {next(numbers)}::integer) AS newest"
            steps[LATEST.name] = f"{LATEST.insert_from(newest)} {LATEST.conflict}"
    runs = "'{}'::text[]"
    if TALLIES in written:
        steps[TALLIES.name] += f" {TALLIES.conflict} RETURNING run"
        runs = f"ARRAY(SELECT run FROM {TALLIES.name}_step)"
    listed = ",\n".join(f"{name}_step AS ({step})" for name, step in steps.items())
    return f"""
WITH moved AS ({MOVE_OFFSETS} RETURNING 1),
{listed}
SELECT {runs} FROM moved HAVING {_ALL_MOVED}
"""


_ALL_MOVED = """
CASE WHEN count(*) = cardinality($1::text[]) THEN true
ELSE (count(*) || ' of the offsets are where they were expected')::boolean END
"""
"""Fails, with what was expected as the value that is no boolean: SQL has no RAISE."""

COMPLETE_POSITIONS = f"""
INSERT INTO positions ({", ".join(POSITION_COLUMNS)})
SELECT DISTINCT ON (said.terminal_id, said.time) {", ".join(f"said.{c}" for c in POSITION_COLUMNS)}
FROM unnest($1::positions[]) AS said CROSS JOIN LATERAL (
    SELECT {_said("held")} AS count FROM positions AS held
    WHERE held.terminal_id = said.terminal_id AND held.time = said.time LIMIT 1
) AS known
WHERE known.count < {_said("said")}
ORDER BY said.terminal_id, said.time, {_said("said")} DESC
ON CONFLICT (terminal_id, time) DO UPDATE SET {_set(POSITION_COLUMNS, *POSITION_KEY, "late")}
"""
"""A connection may break within an epoch; the terminal then sends all of it again. Of two rows
of one time the one that says more stays, whichever came first. The limit keeps the look-up on
the key; almost always it finds nothing to do."""

FIND_TERMINALS = "SELECT name, id FROM terminals WHERE name = ANY($1::text[])"
ADD_TERMINALS = """
INSERT INTO terminals (name) SELECT unnest($1::text[]) ON CONFLICT (name) DO NOTHING
"""

_LISTED = "unnest($1::text[], $2::text[], $3::text[]) AS listed (name, kind, class)"
ADD_LISTED = f"""
INSERT INTO terminals (name, kind, class, listed)
SELECT name, kind, class, true FROM {_LISTED}
WHERE NOT EXISTS (SELECT FROM terminals AS known WHERE known.name = listed.name)
ON CONFLICT (name) DO NOTHING
"""
"""Of those that are missing only: a conflict would use up an id."""
CHANGE_LISTED = f"""
UPDATE terminals AS known SET kind = listed.kind, class = listed.class, listed = true
FROM {_LISTED}
WHERE known.name = listed.name
  AND (known.kind, known.class, known.listed)
      IS DISTINCT FROM (listed.kind, listed.class, true)
"""
TAKE_OFF_LIST = """
UPDATE terminals AS known SET listed = false
WHERE known.listed
  AND NOT EXISTS (SELECT FROM unnest($1::text[]) AS still (name) WHERE still.name = known.name)
"""
