"""The lines of a stream: how they end, how long they are, what was rejected, who speaks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from services.nmea.identity import Identification
from services.nmea.readings import Control, Other, Typed
from services.nmea.tag_block import TagBlock
from services.tools.check_facts import Identity, Place, Rejection, SentenceCount
from services.tools.check_thresholds import MAX_SENTENCE_BYTES

MAX_EXAMPLE = 60
MAX_KINDS = 256
"""Talkers with types, and names, that are told apart; a stream has a few dozen."""
CR_LF = 2
SMALL_LETTERS = ord("a")
STAR = ord("*")

_END = re.compile(rb"\*[0-9A-Fa-f]{2}(\r\n|\n|\r(?!\n))(?=[\x00-\xff])")
_LONGEST_END = 5
_END_NAMES = {b"\r\n": "crlf", b"\n": "lf", b"\r": "cr"}
_TOKEN = re.compile(rb"(PDPR,LOGIN,[^,*]*,)[^*]+")


class LineEnds:
    """Counts how sentences with a checksum end. The rest of the stream, such as a binary
    protocol, has bytes that look like ends and doesn't count."""

    def __init__(self) -> None:
        self._open = b""
        self._counts: Counter[bytes] = Counter()

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        data = self._open + data
        end = 0
        for found in _END.finditer(data):
            self._counts[found[1]] += 1
            end = found.end()
        self._open = data[max(end, len(data) - _LONGEST_END) :]

    def finish(self) -> None:
        """A file ends. Its last byte may be a CR whose LF was cut off: that tells nothing."""
        if self._open[-1:] == b"\n":
            self.feed(b"\x00")
        self._open = b""

    def counts(self) -> dict[str, int]:
        """By ``crlf``, ``lf`` and ``cr``."""
        return {name: self._counts[end] for end, name in _END_NAMES.items()}


class Rejections:
    """Rejected lines by reason, with the first of each."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, tuple[Place, str]] = {}

    def is_new(self, reason: str) -> bool:
        """Whether no line has been rejected for this reason yet."""
        return reason not in self._first

    def add_first(self, reason: str, place: Place, line: bytes) -> None:
        """Remember the first line of a reason; ``count`` counts it."""
        self._first[reason] = (place, escaped(line))

    def count(self, reason: str, lines: int) -> None:
        """Count rejected lines."""
        self._counts[reason] += lines

    def facts(self) -> tuple[Rejection, ...]:
        """The most frequent reason first."""
        return tuple(
            Rejection(reason, count, *self._first[reason])
            for reason, count in self._counts.most_common()
        )


class Sentences:
    """Accepted sentences: kinds, lengths, checksums; and the names that the stream gives."""

    def __init__(self) -> None:
        self._kinds: Counter[tuple[str, str]] = Counter()
        self._timed: Counter[tuple[str, str]] = Counter()
        """Of these, the ones in epochs with a time, and beside them: rates come from them."""
        self._beside: Counter[tuple[str, str]] = Counter()
        """Sentences that are no part of an epoch, since the last epoch left."""
        self._identities: Counter[tuple[str, str]] = Counter()
        self.total = 0
        self.over_limit = 0
        self.longest = 0
        self.lower_case = 0
        self.without_checksum = 0

    def add(self, raw: bytes, reading: Typed | Other) -> bool:
        """Count a sentence; True if it is the first that is over the limit."""
        self.total += 1
        kind = _kind(reading)
        _count(self._kinds, kind)
        if isinstance(reading, Other):
            _count(self._beside, kind)
        length = len(raw) + CR_LF
        self.longest = max(length, self.longest)
        if raw[-3] != STAR:
            self.without_checksum += 1
        elif raw[-2] >= SMALL_LETTERS or raw[-1] >= SMALL_LETTERS:
            self.lower_case += 1
        if length <= MAX_SENTENCE_BYTES:
            return False
        self.over_limit += 1
        return self.over_limit == 1

    def end_epoch(self, sentences: Iterable[Typed]) -> None:
        """An epoch with a time has left; ``add`` took its sentences before."""
        for kind in map(_kind, sentences):
            _count(self._timed, kind)
        for kind, count in self._beside.items():
            _count(self._timed, kind, count)
        self._beside.clear()

    def end_timeless_epoch(self) -> None:
        """An epoch without a time has left: it and what came beside it count for no rate."""
        self._beside.clear()

    def identify(self, reading: Control | Identification | TagBlock) -> None:
        """Count a name that the stream gives itself."""
        if isinstance(reading, Identification):
            _count(self._identities, (reading.kind, reading.terminal))
        elif isinstance(reading, TagBlock):
            if reading.source is not None:
                _count(self._identities, ("tag", reading.source))
        elif reading.command == "LOGIN" and reading.arguments:
            _count(self._identities, ("login", reading.arguments[0]))

    def talkers(self) -> dict[str, int]:
        """Sentences by talker, the most frequent first."""
        talkers: Counter[str] = Counter()
        for (talker, _), count in self._kinds.items():
            talkers[talker] += count
        return dict(talkers.most_common())

    def identities(self) -> tuple[Identity, ...]:
        """The most frequent first."""
        return tuple(Identity(*name, count) for name, count in self._identities.most_common())

    def facts(self, epochs: int, interval_s: float | None) -> tuple[SentenceCount, ...]:
        """The most frequent first; rates by the number of epochs and their median interval."""
        epochs_hz = 1 / (interval_s * epochs) if interval_s and epochs else None
        return tuple(
            SentenceCount(
                talker,
                sentence,
                count,
                count / self.total,
                None if epochs_hz is None else self._timed[talker, sentence] * epochs_hz,
            )
            for (talker, sentence), count in self._kinds.most_common()
        )


def escaped(line: bytes) -> str:
    """A line as printable ASCII, cut. The token of a login is not shown."""
    hidden = _TOKEN.sub(rb"\1...", line)
    text = "".join([chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in hidden])
    return text if len(text) <= MAX_EXAMPLE else text[: MAX_EXAMPLE - 1] + "…"


def _kind(reading: Typed | Other) -> tuple[str, str]:
    name = reading.sentence if isinstance(reading, Other) else type(reading).__name__
    return reading.talker, name


def _count(counts: Counter[tuple[str, str]], key: tuple[str, str], times: int = 1) -> None:
    """Count, in bounded memory: beyond ``MAX_KINDS`` all others together."""
    if key not in counts and len(counts) >= MAX_KINDS:
        key = ("?", "others")
    counts[key] += times
