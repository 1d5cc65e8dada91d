"""The loss ledger's side of ingest: what one run has read and published so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from services.ingest.rounds import Round
from services.model import Tally

Offsets = Mapping[int, int]
"""Per partition the offset after the last record."""


class Ends(NamedTuple):
    """Up to where a round reaches in each of its topics."""

    fixes: Offsets
    messages: Offsets
    rejects: Offsets


class RunningTally:
    """Sums rounds up to a Tally; each Tally replaces the one before."""

    def __init__(self, run: str) -> None:
        self._latest = Tally(run, 0, 0, 0, 0, 0, {}, 0, 0, {}, {}, {}, 0, final=False)

    def add(self, done: Round, ends: Ends, repeated: int) -> Tally:
        """The tally once ``done`` is in the log, ``repeated`` lines of it perhaps twice."""
        before = self._latest
        self._latest = Tally(
            run=before.run,
            sequence=before.sequence + 1,
            lines_read=before.lines_read + done.read,
            lines_pending=before.lines_pending + done.pending,
            lines_used=before.lines_used + done.used,
            lines_control=before.lines_control + done.control,
            lines_rejected=dict(Counter(before.lines_rejected) + Counter(done.rejected)),
            fixes_published=before.fixes_published + len(done.fixes),
            messages_published=before.messages_published + len(done.messages),
            fix_offsets=_later(before.fix_offsets, ends.fixes),
            message_offsets=_later(before.message_offsets, ends.messages),
            reject_offsets=_later(before.reject_offsets, ends.rejects),
            lines_repeated=before.lines_repeated + repeated,
            final=False,
        )
        return self._latest

    def finish(self) -> Tally:
        """The last tally: nothing is published any more."""
        self._latest = self._latest._replace(sequence=self._latest.sequence + 1, final=True)
        return self._latest


def _later(before: Offsets, now: Offsets) -> Offsets:
    return {each: max(before.get(each, 0), now.get(each, 0)) for each in before.keys() | now.keys()}
