"""The checker: compares what was sent and acknowledged with what is in the database.

It knows the tables and the ledger's form, and nothing of the services. A violation begins with
the invariant that it breaks:

I1  the stored fixes are exactly the acknowledged ones, each once, with the content as sent
I2  the zone events of each terminal are those of its stream, as if nothing had happened
I3  every line is used, rejected or dead-lettered, and counted once
I4  no service takes 256 MB of memory
I5  everything has arrived 30 s after the fault's end
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from tests.faults.decoding import Crossing, Expected, Seen, Zones, expect
from tests.faults.fleet_client import Sender

MOST_MEMORY_BYTES = 256 << 20
CATCH_UP_S = 30.0
SHOWN = 3
"""Examples in a violation."""

FIXES = """
SELECT t.name AS terminal, p.*
FROM positions p JOIN terminals t ON t.id = p.terminal_id
"""
LATEST = """
SELECT t.name AS terminal, p.time FROM latest_position p JOIN terminals t ON t.id = p.terminal_id
"""
CROSSINGS = """
SELECT t.name, e.time, e.kind, e.zone, e.zone_version, e.lat, e.lon
FROM zone_events e JOIN terminals t ON t.id = e.terminal_id
"""
REJECTS = """
SELECT reason, count(*) FROM rejects
WHERE topic = 'telematics.reject.v1' AND run IS NOT NULL GROUP BY 1
"""
"""Of lines; a record in the topic that is no reject is dead-lettered without a run."""


class Known(NamedTuple):
    """What the database holds."""

    fixes: Sequence[Mapping[str, Any]]
    latest: Mapping[str, datetime]
    crossings: Sequence[Crossing]
    rejects: Mapping[str, int]


class Tolerance(NamedTuple):
    """What a fault changes rightly."""

    every_line_counted: bool = False
    """The server has read every line that was sent: the ledger has to show just that number."""
    foreign_fixes: int = 0
    """Records that the test itself put into the fix topic, which are no fixes."""


STRICT = Tolerance()


async def read_database(dsn: str) -> Known:
    """Everything that the checker looks at."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return Known(
                await connection.fetch(FIXES),
                dict(await connection.fetch(LATEST)),
                [Crossing(*row) for row in await connection.fetch(CROSSINGS)],
                dict(await connection.fetch(REJECTS)),
            )
    finally:
        await connection.close()


def check(
    senders: Sequence[Sender],
    zones: Zones,
    known: Known,
    ledger: Mapping[str, Any],
    tolerance: Tolerance = STRICT,
) -> list[str]:
    """I1 to I3; empty when all hold."""
    expected = {
        sender.stream.terminal: expect(
            sender.stream.terminal, sender.stream.lines[: sender.acknowledged], zones
        )
        for sender in senders
    }
    complaints = [complaint for sender in senders for complaint in sender.complaints]
    return [
        *_some("I1", "acknowledgements make no sense", complaints),
        *check_fixes(senders, expected, known),
        *check_crossings(expected, known.crossings),
        *check_ledger(senders, expected, known, ledger, tolerance),
    ]


def check_fixes(
    senders: Iterable[Sender], expected: Mapping[str, Expected], known: Known
) -> list[str]:
    """I1: every acknowledged fix is stored with its content, nothing else is stored."""
    sent = {
        (sender.stream.terminal, at): (seen, places, at in everything.late)
        for sender in senders
        for everything in [_reached(sender, expected)]
        for at, seen in everything.fixes.items()
        for places in [everything.zones.get(at)]
    }
    times = Counter((row["terminal"], row["time"]) for row in known.fixes)
    wanted = {(name, at) for name, each in expected.items() for at in each.fixes}
    wrong = [
        f"{row['terminal']} {row['time']:%H:%M:%S} {difference}"
        for row in known.fixes
        if (key := (row["terminal"], row["time"])) in sent
        for difference in _differences(row, *sent[key])
    ]
    stale = [
        f"{name}: {at:%H:%M:%S}"
        for name, at in _newest(known).items()
        if known.latest.get(name) != at
    ]
    return [
        *_some("I1", "acknowledged fixes are not stored", sorted(wanted - times.keys())),
        *_some("I1", "stored fixes were never sent", sorted(times.keys() - sent.keys())),
        *_some("I1", "fixes are stored twice", [key for key, n in times.items() if n > 1]),
        *_some("I1", "stored values differ from those sent", wrong),
        *_some("I1", "latest_position is not the newest fix", stale),
    ]


def check_crossings(expected: Mapping[str, Expected], stored: Iterable[Crossing]) -> list[str]:
    """I2, position by position within 1e-9 degrees."""
    wanted = Counter(_rounded(one) for each in expected.values() for one in each.crossings)
    found = Counter(_rounded(one) for one in stored)
    return [
        *_some("I2", "zone events are missing", sorted((wanted - found).elements())),
        *_some("I2", "zone events are too many", sorted((found - wanted).elements())),
    ]


def check_ledger(
    senders: Sequence[Sender],
    expected: Mapping[str, Expected],
    known: Known,
    ledger: Mapping[str, Any],
    tolerance: Tolerance,
) -> list[str]:
    """I3: the ledger balances, agrees with the tables and with what was sent."""
    lines, fixes, events = ledger["lines"], ledger["fixes"], ledger["events"]
    rejected = sum(lines["rejected"].values())
    dead = sum(fixes["dead_lettered"].values())
    most = sum(sender.lines_sent for sender in senders)
    # A connection that is cut within a line may leave a piece that counts as one.
    pieces = sum(sender.connections for sender in senders)
    least = sum(sender.lines_acknowledged for sender in senders)
    rubbish = sum(each.rubbish for each in expected.values())
    told = Counter(lines["rejected"])
    plain = told["checksum_wrong"] + told["not_nmea"] + told["malformed"]
    claims = {
        "the ledger balances": (ledger["balanced"], ledger.get("problems")),
        "nothing is on its way": (not fixes["in_flight"], fixes["in_flight"]),
        "lines read are used or rejected": (lines["read"] == lines["used"] + rejected, lines),
        "rejects in the ledger are those in the table": (told == Counter(known.rejects), told),
        "fixes stored in the ledger are those in the table": (
            fixes["stored"] == len(known.fixes),
            (fixes["stored"], len(known.fixes)),
        ),
        "events stored in the ledger are those in the table": (
            events["stored"] == len(known.crossings),
            (events["stored"], len(known.crossings)),
        ),
        "published fixes have each one fate": (
            fixes["published"] == fixes["stored"] + fixes["duplicate"] + dead,
            fixes,
        ),
        "only what is no fix is dead-lettered": (
            dead == tolerance.foreign_fixes,
            fixes["dead_lettered"],
        ),
        "at least the acknowledged lines were read": (lines["read"] >= least, (lines, least)),
        "no more lines were read than sent": (lines["read"] <= most + pieces, (lines, most)),
        "every line sent was read": (
            not tolerance.every_line_counted or lines["read"] == most,
            (lines["read"], most),
        ),
        "rubbish is rejected for what it is": (plain >= rubbish, (told, rubbish)),
    }
    return [
        f"I3: not so: {claim}: {shown}" for claim, (holds, shown) in claims.items() if not holds
    ]


def check_memory(peaks: Mapping[str, int]) -> list[str]:
    """I4; peaks of resident memory in bytes."""
    return [
        f"I4: {name} took {peak >> 20} MB of memory"
        for name, peak in peaks.items()
        if peak >= MOST_MEMORY_BYTES
    ]


def check_catch_up(seconds: float | None) -> list[str]:
    """I5; None if it never caught up."""
    if seconds is None:
        return [f"I5: not everything has arrived {CATCH_UP_S:.0f} s after the fault"]
    return [f"I5: caught up only after {seconds:.1f} s"] if seconds > CATCH_UP_S else []


def _reached(sender: Sender, expected: Mapping[str, Expected]) -> Expected:
    """Of all that was sent, acknowledged or not; zones only of what was acknowledged."""
    whole = expected[sender.stream.terminal]
    if sender.done:
        return whole
    nowhere = _NoZones()
    sent = sum(end - 1 <= sender.reached for end in sender.ends)
    rest = expect(sender.stream.terminal, sender.stream.lines[:sent], nowhere)
    return rest._replace(zones=whole.zones)


class _NoZones(Zones):
    def __init__(self) -> None:
        pass

    def holding(self, lat: float, lon: float) -> dict[str, str]:
        return {}


def _differences(
    row: Mapping[str, Any], seen: Seen, zones: tuple[str, ...] | None, late: bool
) -> list[str]:
    values = {
        "lat": (seen.lat, 1e-9),
        "lon": (seen.lon, 1e-9),
        "altitude_m": (seen.altitude_m, 1e-3),
        "speed_kmh": (seen.speed_kmh, 1e-3),
        "course_deg": (seen.course_deg, 1e-3),
        "hdop": (seen.hdop, 1e-4),
        "satellites_used": (seen.satellites_used, 0),
        "fix": (seen.quality, 0),
        "late": (late, 0),
    }
    found = [
        f"{name} {row[name]} instead of {value}"
        for name, (value, within) in values.items()
        if not _same(row[name], value, within)
    ]
    if zones is not None and tuple(row["zones"] or ()) != zones:
        found.append(f"zones {row['zones']} instead of {zones}")
    return found


def _same(stored: float | None, value: float | None, within: float) -> bool:
    if stored is None or value is None:
        return stored is value
    return math.isclose(stored, value, rel_tol=0, abs_tol=within)


def _newest(known: Known) -> dict[str, datetime]:
    newest: dict[str, datetime] = {}
    for row in known.fixes:
        if row["lat"] is not None:
            newest[row["terminal"]] = max(row["time"], newest.get(row["terminal"], row["time"]))
    return newest


def _rounded(one: Crossing) -> tuple[Any, ...]:
    return (*one[:5], round(one.lat, 8), round(one.lon, 8))


def _some(invariant: str, what: str, found: Sequence[object]) -> list[str]:
    if not found:
        return []
    shown = "; ".join(str(one) for one in found[:SHOWN])
    return [f"{invariant}: {len(found)} {what}: {shown}"]
