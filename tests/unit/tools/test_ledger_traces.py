"""Whatever kills ingest and however far the store is, the ledger balances; a loss never does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st

from services.log.base import ENRICHED, FIX, MESSAGE, REJECT
from services.tools.ledger_lines import Counted, RunTally
from services.tools.ledger_sums import Ledger, Offset, balance

PARTITIONS = 2
TOPICS = (FIX, MESSAGE, REJECT)
REASONS = ("not_nmea", "malformed")


class Record(NamedTuple):
    """A record of the log: whose, and what the store counts for it."""

    run: str
    lines: int
    reason: str


class Step(NamedTuple):
    """A round of one ingest: what it appends, and what happens to it."""

    ingest: int
    fixes: Sequence[tuple[int, int]]
    """Partition and lines of each."""
    messages: Sequence[int]
    rejects: Sequence[tuple[int, str]]
    repeats: Mapping[str, int]
    """Topics whose append was taken that many times more, without a reply."""
    fate: str
    """``done``, ``stops`` in order after it, or ``killed`` once ``taken`` topics have it."""
    taken: frozenset[str]


partitions = st.integers(0, PARTITIONS - 1)
steps = st.builds(
    Step,
    ingest=st.integers(0, 1),
    fixes=st.lists(st.tuples(partitions, st.integers(1, 256)), max_size=3),
    messages=st.lists(partitions, max_size=3),
    rejects=st.lists(st.tuples(partitions, st.sampled_from(REASONS)), max_size=3),
    repeats=st.dictionaries(st.sampled_from(TOPICS), st.integers(0, 2)),
    fate=st.sampled_from(["done", "done", "done", "stops", "killed"]),
    taken=st.frozensets(st.sampled_from(TOPICS)),
)


class World:
    """The log, and the runs that write it."""

    def __init__(self) -> None:
        self.log: dict[tuple[str, int], list[Record]] = {
            (topic, partition): [] for topic in TOPICS for partition in range(PARTITIONS)
        }
        self.tallies: list[RunTally] = []
        self._lives: dict[int, int] = defaultdict(int)
        self._newest: dict[str, RunTally] = {}

    def do(self, step: Step) -> None:
        run = f"{step.ingest}.{self._lives[step.ingest]}"
        records = _records(run, step)
        repeated, ends = 0, {}
        for topic, parts in records.items():
            if step.fate == "killed" and topic not in step.taken:
                continue
            times = step.repeats.get(topic, 0)
            repeated += times * sum(record.lines for _, record in parts)
            for _ in range(times + 1):
                for partition, record in parts:
                    self.log[topic, partition].append(record)
            ends[topic] = {each: len(self.log[topic, each]) for each, _ in parts}
        if step.fate == "killed":
            self._lives[step.ingest] += 1
            return
        tally = self._newest.get(run, RunTally(run, False, 0, 0, 0, 0, {}, 0, 0, 0, {}))
        self._tell(_after(tally, records, ends, repeated))
        if step.fate == "stops":
            self._tell(self._newest[run]._replace(final=True))
            self._lives[step.ingest] += 1

    def _tell(self, tally: RunTally) -> None:
        self._newest[tally.run] = tally
        self.tallies.append(tally)


def _records(run: str, step: Step) -> dict[str, list[tuple[int, Record]]]:
    return {
        FIX: [(partition, Record(run, lines, "")) for partition, lines in step.fixes],
        MESSAGE: [(partition, Record(run, 1, "")) for partition in step.messages],
        REJECT: [(partition, Record(run, 1, reason)) for partition, reason in step.rejects],
    }


def _after(
    tally: RunTally,
    records: Mapping[str, Sequence[tuple[int, Record]]],
    ends: Mapping[str, Mapping[int, int]],
    repeated: int,
) -> RunTally:
    used = sum(record.lines for topic in (FIX, MESSAGE) for _, record in records[topic])
    rejected = dict(tally.lines_rejected)
    for _, record in records[REJECT]:
        rejected[record.reason] = rejected.get(record.reason, 0) + 1
    return tally._replace(
        lines_read=tally.lines_read + used + len(records[REJECT]),
        lines_used=tally.lines_used + used,
        lines_rejected=rejected,
        lines_repeated=tally.lines_repeated + repeated,
        fixes_published=tally.fixes_published + len(records[FIX]),
        messages_published=tally.messages_published + len(records[MESSAGE]),
        ends={topic: {**tally.ends.get(topic, {}), **ends.get(topic, {})} for topic in TOPICS},
    )


def counted(
    stored: Mapping[tuple[str, int], Sequence[Record]],
) -> dict[tuple[str, str, int, str], int]:
    """The store's counters after it has stored these records."""
    counts: dict[tuple[str, str, int, str], int] = defaultdict(int)
    for (topic, partition), records in stored.items():
        name = ENRICHED if topic == FIX else topic
        for record in records:
            counts["", name, partition, "stored"] += 1
            kind = "rejected/" + record.reason if topic == REJECT else "lines"
            counts[record.run, name, partition, kind] += record.lines
    return counts


def ledger(
    tallies: Sequence[RunTally],
    stored: Mapping[tuple[str, int], Sequence[Record]],
    counts: Mapping[tuple[str, str, int, str], int],
) -> Ledger:
    """The ledger where the newest tally of each run is known."""
    newest = {tally.run: tally for tally in tallies}
    offsets = [Offset(*place, len(records)) for place, records in stored.items()]
    return balance(
        list(newest.values()), offsets, [Counted(*key, value) for key, value in counts.items()]
    )


@given(st.lists(steps, max_size=12), st.data())
def test_kill_9_lost_replies_and_a_store_that_lags_are_never_called_a_loss(
    trace: list[Step], data: st.DataObject
) -> None:
    world = World()
    for step in trace:
        world.do(step)
    stored = {
        place: records[: data.draw(st.integers(0, len(records)))]
        for place, records in world.log.items()
    }
    tallies = world.tallies[: data.draw(st.integers(0, len(world.tallies)))]
    assert ledger(tallies, stored, counted(stored)).problems == ()


@given(st.lists(steps, min_size=1, max_size=12), st.data())
def test_of_runs_that_stopped_in_order_each_line_too_few_or_too_many_is_told(
    trace: list[Step], data: st.DataObject
) -> None:
    world = World()
    for step in trace:
        world.do(step._replace(fate="done", repeats={}))
    for ingest in (0, 1):
        world.do(Step(ingest, [], [], [], {}, "stops", frozenset()))
    counts = counted(world.log)
    assert ledger(world.tallies, world.log, counts).problems == ()
    changeable = sorted(key for key in counts if key[0])
    assume(changeable)
    key = data.draw(st.sampled_from(changeable))
    wrong = {**counts, key: counts[key] + data.draw(st.sampled_from([-1, 1]))}
    assert not ledger(world.tallies, world.log, wrong).balanced


@given(st.lists(steps, min_size=1, max_size=12), st.data())
def test_of_killed_runs_each_line_that_is_lost_from_what_they_told_of_is_told(
    trace: list[Step], data: st.DataObject
) -> None:
    world = World()
    for step in trace:
        world.do(step._replace(repeats={}, taken=frozenset()))
    counts = counted(world.log)
    changeable = sorted(key for key in counts if key[0])
    assume(changeable)
    key = data.draw(st.sampled_from(changeable))
    wrong = {**counts, key: counts[key] - 1}
    assert not ledger(world.tallies, world.log, wrong).balanced
