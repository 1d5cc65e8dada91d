"""The sums of the loss ledger. Pure; ``services.tools.ledger`` reads and shows them.

What was published comes from the tallies of ingest's runs, what became of it from the store's
counters; ``balance`` adds both up and says where they disagree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from services.log.base import ENRICHED, FIX, MESSAGE, REJECT, ZONE_EVENT

DEAD_LETTERED = "dead_lettered/"
REJECTED = "rejected/"


class RunTally(NamedTuple):
    """What an ingest run says it has read and published."""

    run: str
    lines_read: int
    lines_pending: int
    lines_used: int
    lines_control: int
    lines_rejected: Mapping[str, int]
    fix_offsets: Mapping[int, int]


class Offset(NamedTuple):
    """How far a partition is stored."""

    topic: str
    partition: int
    next: int


class Counted(NamedTuple):
    """A counter of the store, summed over partitions."""

    run: str
    topic: str
    name: str
    value: int


class Lines(NamedTuple):
    """Lines of all runs, without those of epochs that are still open."""

    read: int
    used: int
    rejected: Mapping[str, int]
    in_flight: int
    """The part of them whose records have not come to the store yet."""


class Flow(NamedTuple):
    """Records of one kind on their way to their table."""

    published: int
    stored: int
    duplicate: int
    dead_lettered: Mapping[str, int]
    in_flight: int = 0

    @property
    def accounted(self) -> int:
        """What has arrived, whatever became of it."""
        return self.stored + self.duplicate + sum(self.dead_lettered.values())


class Ledger(NamedTuple):
    """All of it. ``problems`` holds a sentence for each sum that does not come out."""

    lines: Lines
    fixes: Flow
    events: Flow
    messages: Flow
    problems: tuple[str, ...]

    @property
    def balanced(self) -> bool:
        """Nothing is lost and nothing invented; some may still be on its way."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """As ``dipper ledger --json`` prints it."""
        return {
            "lines": self.lines._asdict(),
            "fixes": self.fixes._asdict(),
            "events": _arrived(self.events),
            "messages": _arrived(self.messages),
            "balanced": self.balanced,
            "problems": list(self.problems),
        }


def _arrived(flow: Flow) -> dict[str, Any]:
    """How many of these are on their way is not known: what was published is what came."""
    fields = flow._asdict()
    del fields["in_flight"]
    return fields


def balance(
    tallies: Sequence[RunTally], offsets: Sequence[Offset], counters: Sequence[Counted]
) -> Ledger:
    """Add up, and check every sum that has to come out."""
    problems: list[str] = []
    fixes = _fixes(tallies, offsets, counters, problems)
    events = _consumed("zone events", ZONE_EVENT, offsets, counters, problems)
    messages = _consumed("messages", MESSAGE, offsets, counters, problems)
    _consumed("rejects", REJECT, offsets, counters, problems)
    lines = _lines(tallies, counters, bool(fixes.in_flight), problems)
    return Ledger(lines, fixes, events, messages, tuple(problems))


def _fixes(
    tallies: Iterable[RunTally],
    offsets: Sequence[Offset],
    counters: Sequence[Counted],
    problems: list[str],
) -> Flow:
    """Published is what a tally tells, or what has come although a run died before it told."""
    arrived = {offset.partition: offset.next for offset in offsets if offset.topic == FIX}
    told: dict[int, int] = {}
    for tally in tallies:
        for partition, end in tally.fix_offsets.items():
            told[partition] = max(end, told.get(partition, 0))
    partitions = told.keys() | arrived.keys()
    ends = {each: (told.get(each, 0), arrived.get(each, 0)) for each in partitions}
    flow = _flow(
        ENRICHED,
        counters,
        published=sum(max(pair) for pair in ends.values()),
        in_flight=sum(max(0, end - there) for end, there in ends.values()),
    )
    _compare("fixes", sum(arrived.values()), flow, problems)
    return flow


def _consumed(
    what: str,
    topic: str,
    offsets: Iterable[Offset],
    counters: Iterable[Counted],
    problems: list[str],
) -> Flow:
    published = sum(offset.next for offset in offsets if offset.topic == topic)
    flow = _flow(topic, counters, published, in_flight=0)
    _compare(what, published, flow, problems)
    return flow


def _flow(topic: str, counters: Iterable[Counted], published: int, in_flight: int) -> Flow:
    counts = {each.name: each.value for each in counters if each.topic == topic and not each.run}
    dead = {
        name.removeprefix(DEAD_LETTERED): count
        for name, count in sorted(counts.items())
        if name.startswith(DEAD_LETTERED)
    }
    return Flow(published, counts.get("stored", 0), counts.get("duplicate", 0), dead, in_flight)


def _compare(what: str, arrived: int, flow: Flow, problems: list[str]) -> None:
    if flow.accounted < arrived:
        lost = arrived - flow.accounted
        problems.append(f"{lost} of {arrived} {what} are neither stored nor dead-lettered")
    elif flow.accounted > arrived:
        extra = flow.accounted - arrived
        problems.append(f"{extra} {what} are accounted for beyond the {arrived} that came")


def _lines(
    tallies: Sequence[RunTally],
    counters: Iterable[Counted],
    in_flight: bool,
    problems: list[str],
) -> Lines:
    """A run that was killed has published more than its last tally tells: then what the store
    has counts. The other way round lines are missing, unless they may still be on their way."""
    used_by_run, rejected_by_run = _accounted(counters)
    told = {tally.run: tally for tally in tallies}
    used, missing = 0, 0
    rejected: dict[str, int] = defaultdict(int)
    for run in sorted(told.keys() | used_by_run.keys() | rejected_by_run.keys()):
        tally = told.get(run, RunTally(run, 0, 0, 0, 0, {}, {}))
        _check_tally(tally, problems)
        accounted = used_by_run.get(run, 0) + tally.lines_control
        used += max(tally.lines_used, accounted)
        absent = {"used": tally.lines_used - accounted}
        reasons = rejected_by_run.get(run, {})
        for reason in tally.lines_rejected.keys() | reasons.keys():
            counted = reasons.get(reason, 0)
            rejected[reason] += max(tally.lines_rejected.get(reason, 0), counted)
            absent[REJECTED + reason] = tally.lines_rejected.get(reason, 0) - counted
        absent = {name: count for name, count in sorted(absent.items()) if count > 0}
        missing += sum(absent.values())
        if absent and not in_flight:
            parts = ", ".join(f"{count} {name}" for name, count in absent.items())
            problems.append(f"run {run} has read lines that never came to the store: {parts}")
    return Lines(
        read=used + sum(rejected.values()),
        used=used,
        rejected=dict(sorted(rejected.items())),
        in_flight=missing,
    )


def _accounted(counters: Iterable[Counted]) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """Per run the lines that the store has in fixes and messages, and its rejects by reason."""
    used: dict[str, int] = defaultdict(int)
    rejected: dict[str, dict[str, int]] = defaultdict(dict)
    for run, topic, name, count in counters:
        if run and name == "lines":
            used[run] += count
        elif run and topic == REJECT and name.startswith(REJECTED):
            rejected[run][name.removeprefix(REJECTED)] = count
    return used, rejected


def _check_tally(tally: RunTally, problems: list[str]) -> None:
    done = tally.lines_read - tally.lines_pending
    accounted = tally.lines_used + sum(tally.lines_rejected.values())
    if done != accounted:
        problems.append(
            f"run {tally.run} has read {done} lines to the end and used or rejected {accounted}"
        )
