"""The ledger's lines: what each run of ingest tells of, against what came to the store. Pure.

Three things bind the two, run by run and topic by topic (see docs/adr/0007):

- what a tally counts lies below its offsets, so it has come once the store has passed them;
- what a run publishes after its newest tally lies at or above its offsets, so no more can have
  come unasked for than the store has taken from there;
- after a run's final tally there is nothing more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from services.log.base import ENRICHED, FIX, MESSAGE, REJECT
from services.nmea.epoch import MAX_LINES

REJECTED = "rejected/"
MOST_LINES = {FIX: MAX_LINES, MESSAGE: 1, REJECT: 1}
"""Most lines that a record stands for."""

Places = Mapping[int, int]
"""Per partition the offset after the last record."""


class RunTally(NamedTuple):
    """What an ingest run says it has read and published; see ``services.model.Tally``."""

    run: str
    final: bool
    lines_read: int
    lines_pending: int
    lines_used: int
    lines_control: int
    lines_rejected: Mapping[str, int]
    lines_repeated: int
    fixes_published: int
    messages_published: int
    ends: Mapping[str, Places]
    """By topic, up to where it has published."""

    def published(self, topic: str) -> int:
        """How many records of ``topic``."""
        return {
            FIX: self.fixes_published,
            MESSAGE: self.messages_published,
            REJECT: sum(self.lines_rejected.values()),
        }[topic]


class Counted(NamedTuple):
    """A counter of the store."""

    run: str
    topic: str
    partition: int
    name: str
    value: int


class Lines(NamedTuple):
    """Lines of all runs, without those of epochs that are still open."""

    read: int
    used: int
    rejected: Mapping[str, int]
    in_flight: int
    """The part of them whose records have not come to the store yet."""
    untallied: int
    """The part of them that came beyond their run's newest tally: it is on its way, or the run
    was killed before it, or a lost reply made ingest publish them twice."""


class Pair(NamedTuple):
    """One kind of lines of one run: how many the tally tells of, and how many came."""

    what: str
    told: int
    came: int


def balance_lines(
    tallies: Sequence[RunTally],
    counters: Iterable[Counted],
    arrived: Mapping[str, Places],
    problems: list[str],
) -> Lines:
    """Compare each run's tally with what came; ``arrived`` says by topic how far the store is.

    What came counts where it is more, so a run that was killed before its tally is complete.
    """
    came: dict[str, dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    for run, topic, _, name, value in counters:
        if run:
            came[run][topic, name] += value
    told = {tally.run: tally for tally in tallies}
    used = in_flight = untallied = 0
    rejected: dict[str, int] = defaultdict(int)
    for run in sorted(told.keys() | came.keys()):
        tally = told.get(run, RunTally(run, False, 0, 0, 0, 0, {}, 0, 0, 0, {}))
        _check_tally(tally, problems)
        used += tally.lines_control
        for topic, pairs in _pairs(tally, came[run]):
            _check_topic(tally, topic, pairs, arrived.get(topic, {}), problems)
            for what, expected, there in pairs:
                in_flight += max(0, expected - there)
                untallied += max(0, there - expected)
                if topic == REJECT:
                    rejected[what] += max(expected, there)
                else:
                    used += max(expected, there)
    reasons = {reason: count for reason, count in sorted(rejected.items()) if count}
    return Lines(used + sum(reasons.values()), used, reasons, in_flight, untallied)


def _pairs(
    tally: RunTally, came: Mapping[tuple[str, str], int]
) -> Iterator[tuple[str, list[Pair]]]:
    in_fixes = tally.lines_used - tally.lines_control - tally.messages_published
    yield FIX, [Pair("in fixes", in_fixes, came.get((ENRICHED, "lines"), 0))]
    in_messages = tally.messages_published
    yield MESSAGE, [Pair("in messages", in_messages, came.get((MESSAGE, "lines"), 0))]
    there = {
        name.removeprefix(REJECTED): count
        for (topic, name), count in came.items()
        if topic == REJECT and name.startswith(REJECTED)
    }
    told = tally.lines_rejected
    yield (
        REJECT,
        [
            Pair(reason, told.get(reason, 0), there.get(reason, 0))
            for reason in sorted(told.keys() | there.keys())
        ],
    )


def _check_topic(
    tally: RunTally, topic: str, pairs: Sequence[Pair], arrived: Places, problems: list[str]
) -> None:
    ends = tally.ends.get(topic, {})
    coming = sum(max(0, end - arrived.get(each, 0)) for each, end in ends.items())
    beyond = sum(max(0, there - ends.get(each, 0)) for each, there in arrived.items())
    missing = {what: told - came for what, told, came in pairs if told > came}
    excess = {what: came - told for what, told, came in pairs if came > told}
    if sum(missing.values()) > coming * MOST_LINES[topic]:
        problems.append(_missing(tally.run, topic, missing, coming))
    allowed = tally.lines_repeated + (0 if tally.final else beyond * MOST_LINES[topic])
    if sum(excess.values()) > allowed:
        problems.append(_excess(tally, topic, excess, allowed))


def _missing(run: str, topic: str, missing: Mapping[str, int], coming: int) -> str:
    return (
        f"Run {run} published {_listed(topic, missing)} that never came to the store, although "
        f"only {coming:,} of its records are on their way through {topic}. They are in records "
        f"that could not be read (SELECT * FROM rejects WHERE topic <> '{REJECT}'), or the log "
        "has lost them. Let the terminals of that time send again: what is stored is not stored "
        "twice."
    )


def _excess(tally: RunTally, topic: str, excess: Mapping[str, int], allowed: int) -> str:
    reason = (
        "it has stopped in order and told of all that it published"
        if tally.final
        else "that is all that can have come behind its newest tally"
    )
    return (
        f"From run {tally.run} came {_listed(topic, excess)} more than it tells of, and {allowed:,}"
        f" can be explained: {reason}. Something else writes to {topic} in its name, or a batch "
        "was counted twice. Keep the log, and report this with the output of dipper ledger --json."
    )


def _listed(topic: str, lines: Mapping[str, int]) -> str:
    kinds = (f"{count:,} {what}" for what, count in lines.items())
    if topic != REJECT:
        return ", ".join(kinds).replace(" in ", " lines in ")
    return f"rejected lines ({', '.join(kinds)})"


def _check_tally(tally: RunTally, problems: list[str]) -> None:
    """What a tally says must come out by itself."""
    done = tally.lines_read - tally.lines_pending
    rejected = sum(tally.lines_rejected.values())
    contradictions = []
    if done != tally.lines_used + rejected:
        contradictions.append(
            f"{done:,} lines were read to the end, {tally.lines_used:,} used and "
            f"{rejected:,} rejected"
        )
    if tally.lines_control + tally.messages_published > tally.lines_used:
        contradictions.append(
            f"{tally.lines_used:,} lines were used, {tally.lines_control:,} of them for the "
            f"connection and {tally.messages_published:,} as messages"
        )
    if tally.final and tally.lines_pending:
        contradictions.append(f"{tally.lines_pending:,} lines were left in open epochs at its end")
    problems.extend(
        f"Run {tally.run} contradicts itself: {each}. Lines were lost or invented inside ingest: "
        "report this with the output of dipper ledger --json."
        for each in contradictions
    )
