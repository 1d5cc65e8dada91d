"""The bytes of a terminal's stream → the facts of its conformity report. Pure, bounded memory."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from itertools import islice

from services.model import MAX_REJECT_BYTES, Fix, Reject
from services.nmea.framing import Framer
from services.nmea.identity import Identification
from services.nmea.read import Numbered, read_lines
from services.nmea.readings import Bad, Control, Other, Typed
from services.nmea.reasons import AFTER_EPOCH, NO_TIME
from services.nmea.tag_block import TagBlock
from services.nmea.terminal import Outcomes, TerminalDecoder
from services.tools.check_epochs import EpochTimes
from services.tools.check_facts import Facts, LineFacts, Place
from services.tools.check_fixes import FixFinds
from services.tools.check_lines import LineEnds, Rejections, Sentences
from services.tools.fix_formats import clock_time
from services.tools.formatting import format_time

OpenLine = tuple[bytes, Typed, int]
"""A line of the decoder's open epoch: bytes, reading, number in the stream."""


class StreamCheck:
    """Decodes a stream as ingest does and keeps count of all that a report tells.

    Several files are one stream, in order: ``begin_file``, ``feed`` …, and so on, then
    ``finish`` once.
    """

    def __init__(self, *, allow_missing_checksum: bool = False) -> None:
        self._allow_missing_checksum = allow_missing_checksum
        self._framer = Framer()
        self._decoder = TerminalDecoder("")
        self._out = Outcomes()
        self._open: deque[OpenLine] = deque()
        self._files: list[str] = []
        self._starts: list[int] = []
        """Per file the number of lines before it."""
        self._lines = self._bytes = self._used = self._control = 0
        self._first_over_limit: Place | None = None
        self._ends = LineEnds()
        self._rejections = Rejections()
        self._sentences = Sentences()
        self._epochs = EpochTimes()
        self._fixes = FixFinds()

    def begin_file(self, name: str) -> None:
        """The next bytes come from this file; the last line of the one before is complete."""
        self._end_file()
        self._files.append(name)
        self._starts.append(self._lines)

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._bytes += len(data)
        self._ends.feed(data)
        self._take_lines(self._framer.feed(data))

    def finish(self) -> Facts:
        """The stream ends here: all that was found."""
        self._end_file()
        self._decoder.flush(self._out)
        self._settle(self._lines)
        epochs = self._epochs
        return Facts(
            files=tuple(self._files),
            allow_missing_checksum=self._allow_missing_checksum,
            lines=self._line_facts(),
            sentences=self._sentences.facts(epochs.count, epochs.median_interval_s),
            talkers=self._sentences.talkers(),
            identities=self._sentences.identities(),
            epochs=epochs.facts(),
            fixes=self._fixes.facts(),
        )

    def _line_facts(self) -> LineFacts:
        return LineFacts(
            bytes=self._bytes,
            physical=self._lines,
            used=self._used,
            control=self._control,
            rejections=self._rejections.facts(),
            ends=self._ends.counts(),
            over_limit=self._sentences.over_limit,
            longest=self._sentences.longest,
            first_over_limit=self._first_over_limit,
            lower_case_checksums=self._sentences.lower_case,
            without_checksum=self._sentences.without_checksum,
        )

    def _end_file(self) -> None:
        self._take_lines(self._framer.finish())
        self._ends.finish()

    def _take_lines(self, lines: list[bytes]) -> None:
        numbered = read_lines(
            lines, self._lines + 1, allow_missing_checksum=self._allow_missing_checksum
        )
        self._lines += len(lines)
        for each in numbered:
            self._take(each)

    def _take(self, numbered: Numbered) -> None:
        raw, reading, ordinal = numbered
        if isinstance(reading, (Control, Identification, TagBlock)):
            self._sentences.identify(reading)
        elif not isinstance(reading, Bad):
            if self._sentences.add(raw, reading):
                self._first_over_limit = self._place(ordinal)
            if not isinstance(reading, Other):
                self._open.append((raw, reading, ordinal))
        out = self._out
        self._decoder.take(raw, reading, ordinal, 0, out)
        if out.lines_used or out.rejects:
            self._settle(ordinal)

    def _settle(self, ordinal: int) -> None:
        """Take over what the decoder gave up to the line with this number."""
        out = self._out
        left = self._left()
        rest = iter(left)
        for fix in (*out.undated, *out.fixes):
            self._take_epoch(fix, list(islice(rest, fix.lines)))
        for reject in out.rejects:
            if self._rejections.is_new(reject.reason):
                number = _number_of(reject, left, ordinal)
                self._rejections.add_first(reject.reason, self._place(number), reject.line)
        if NO_TIME in out.lines_rejected:
            self._sentences.end_timeless_epoch()
        for reason, count in out.lines_rejected.items():
            self._rejections.count(reason, count)
        self._used += out.lines_used
        self._control += out.lines_control
        out.clear()

    def _left(self) -> list[OpenLine]:
        """The lines that are no longer in the decoder's open epoch, in order."""
        out = self._out
        leaving = len(self._open) - self._decoder.pending_lines
        if leaving == 1 and len(out.rejects) == 1 and out.rejects[0].reason == AFTER_EPOCH:
            # A late sentence is refused on its own; the open epoch goes on.
            last = self._open.pop()
            if last[0][:MAX_REJECT_BYTES] == out.rejects[0].line:
                return [last]
            self._open.append(last)
        return [self._open.popleft() for _ in range(leaving)]

    def _take_epoch(self, fix: Fix, lines: list[OpenLine]) -> None:
        sentences = [sentence for _, sentence, _ in lines]
        self._sentences.end_epoch(sentences)
        place = self._place(lines[0][2], _shown_time(fix))
        step_us = self._epochs.add(fix, sentences, place)
        self._fixes.add(fix, sentences, place, step_us, self._epochs.elapsed_us)

    def _place(self, ordinal: int, time: str | None = None) -> Place:
        file = bisect_right(self._starts, ordinal - 1) - 1
        return Place(self._files[file], ordinal - self._starts[file], time)


def _number_of(reject: Reject, left: list[OpenLine], ordinal: int) -> int:
    """The number of a rejected line: one of an epoch that left, else the current one."""
    for raw, _, number in left:
        if raw[:MAX_REJECT_BYTES] == reject.line:
            return number
    return ordinal


def _shown_time(fix: Fix) -> str | None:
    if fix.time_us is not None:
        return format_time(fix.time_us)
    return None if fix.time_of_day_us is None else clock_time(fix.time_of_day_us)
