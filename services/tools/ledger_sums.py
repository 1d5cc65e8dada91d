"""The sums of the loss ledger. Pure; ``services.tools.ledger`` reads and shows them.

What was published comes from the tallies of ingest's runs, what became of it from the store's
counters; ``balance`` adds both up and says where they disagree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from services.log.base import DELETED_UNREAD, ENRICHED, FIX, MESSAGE, REJECT, ZONE_EVENT
from services.tools.ledger_lines import Counted, Lines, Places, RunTally, balance_lines

STORED = "stored"
DUPLICATE = "duplicate"
DEAD_LETTERED = "dead_lettered/"
LOST = DEAD_LETTERED + DELETED_UNREAD


class Offset(NamedTuple):
    """How far a partition is stored."""

    topic: str
    partition: int
    next: int


class Flow(NamedTuple):
    """Records of one kind on their way to their table."""

    published: int
    stored: int
    duplicate: int
    dead_lettered: Mapping[str, int]
    in_flight: int


class Ledger(NamedTuple):
    """All of it. ``problems`` says of each sum that does not come out what to do."""

    lines: Lines
    fixes: Flow
    events: Flow
    messages: Flow
    rejects: Flow
    problems: tuple[str, ...]

    @property
    def balanced(self) -> bool:
        """Nothing is lost and nothing invented; some may still be on its way."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """As ``dipper ledger --json`` prints it."""
        events = self.events._asdict()
        # Nobody tells how many are on their way: what was published is what came.
        del events["in_flight"]
        return {
            "lines": self.lines._asdict(),
            "fixes": self.fixes._asdict(),
            "events": events,
            "messages": self.messages._asdict(),
            "rejects": self.rejects._asdict(),
            "balanced": self.balanced,
            "problems": list(self.problems),
        }


class _Topic(NamedTuple):
    """What is known of a topic: by partition how far it is told of and stored, and counters."""

    told: Places
    arrived: Places
    counts: Mapping[tuple[int, str], int]


def balance(
    tallies: Sequence[RunTally], offsets: Sequence[Offset], counters: Sequence[Counted]
) -> Ledger:
    """Add up, and check every sum that has to come out.

    All of it must have been read at one moment. Topics begin at offset 0.
    """
    problems: list[str] = []
    arrived: dict[str, dict[int, int]] = defaultdict(dict)
    for topic, partition, following in offsets:
        arrived[topic][partition] = following

    def flow(topic: str, counted_as: str | None = None) -> Flow:
        known = _Topic(
            _told(tallies, topic),
            arrived.get(topic, {}),
            _counts(counters, counted_as or topic),
        )
        _check_arrived(topic, known, problems)
        _check_published(topic, known, tallies, problems)
        return _flow(known)

    fixes, events = flow(FIX, ENRICHED), flow(ZONE_EVENT)
    messages, rejects = flow(MESSAGE), flow(REJECT)
    lines = balance_lines(tallies, counters, arrived, problems)
    return Ledger(lines, fixes, events, messages, rejects, tuple(problems))


def _told(tallies: Iterable[RunTally], topic: str) -> Places:
    """Up to where the runs say they have published."""
    told: dict[int, int] = {}
    for tally in tallies:
        for partition, end in tally.ends.get(topic, {}).items():
            told[partition] = max(end, told.get(partition, 0))
    return told


def _counts(counters: Iterable[Counted], topic: str) -> Mapping[tuple[int, str], int]:
    return {
        (each.partition, each.name): each.value
        for each in counters
        if each.topic == topic and not each.run
    }


def _places(topic: _Topic) -> int:
    """Published is what a tally tells, or what has come although a run died before it told."""
    partitions = topic.told.keys() | topic.arrived.keys()
    return sum(max(topic.told.get(each, 0), topic.arrived.get(each, 0)) for each in partitions)


def _flow(topic: _Topic) -> Flow:
    sums: dict[str, int] = defaultdict(int)
    for (_, name), count in topic.counts.items():
        sums[name] += count
    dead = {
        name.removeprefix(DEAD_LETTERED): count
        for name, count in sorted(sums.items())
        if name.startswith(DEAD_LETTERED)
    }
    waiting = sum(max(0, end - topic.arrived.get(each, 0)) for each, end in topic.told.items())
    return Flow(_places(topic), sums[STORED], sums[DUPLICATE], dead, waiting)


def _check_arrived(name: str, topic: _Topic, problems: list[str]) -> None:
    """Every place that the store has passed is a row, a duplicate or a dead letter."""
    accounted: dict[int, int] = defaultdict(int)
    for (partition, counter), count in topic.counts.items():
        if counter == LOST:
            continue  # A letter that says of other records that they are gone.
        if counter in (STORED, DUPLICATE) or counter.startswith(DEAD_LETTERED):
            accounted[partition] += count
    fewer, more = [], []
    for partition in sorted(topic.arrived.keys() | accounted.keys()):
        there, count = topic.arrived.get(partition, 0), accounted[partition]
        if count < there:
            fewer.append(f"{there - count:,} of the first {there:,} records of {name}/{partition}")
        elif count > there:
            more.append(f"{count:,} records where {there:,} came from {name}/{partition}")
    if fewer:
        problems.append(
            f"{_listed(fewer)} came to the store neither as rows nor as dead letters. They were "
            "deleted from the log before they were read, or something else writes to Dipper's "
            "topics (SELECT * FROM ledger WHERE name = 'foreign'). Let the terminals of that time "
            "send again: what is stored is not stored twice."
        )
    if more:
        problems.append(
            f"The store has counted {_listed(more)}. The tables ledger and log_offsets contradict "
            "each other, as in a database that was edited or restored in part. Report this with "
            "the output of dipper ledger --json."
        )


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _check_published(
    name: str, topic: _Topic, tallies: Iterable[RunTally], problems: list[str]
) -> None:
    """No two records of the log have one place."""
    if name == ZONE_EVENT:
        return
    published, places = sum(tally.published(name) for tally in tallies), _places(topic)
    if published > places:
        problems.append(
            f"The runs published {published:,} records to {name}, but it reaches only to {places:,}"
            ": the log has lost records that it had taken, or was replaced while the database was "
            "kept. Let the terminals send again, with a new database if the log is new."
        )
