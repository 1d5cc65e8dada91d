"""The loss ledger's side of ingest: what one run has read and published so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from services.ingest.delivery import Round
from services.model import Tally


class RunningTally:
    """Sums rounds up to a Tally; each Tally replaces the one before."""

    def __init__(self, run: str) -> None:
        self._latest = Tally(run, 0, 0, 0, 0, 0, {}, 0, 0, {})

    def add(self, done: Round, fix_ends: Mapping[int, int]) -> Tally:
        """The tally once ``done`` is in the log, its fixes up to these offsets per partition."""
        before, counts = self._latest, done.counts
        offsets = dict(before.fix_offsets)
        for partition, end in fix_ends.items():
            offsets[partition] = max(end, offsets.get(partition, 0))
        self._latest = Tally(
            run=before.run,
            sequence=before.sequence + 1,
            lines_read=before.lines_read + counts.read,
            lines_pending=before.lines_pending + counts.pending,
            lines_used=before.lines_used + counts.used,
            lines_control=before.lines_control + counts.control,
            lines_rejected=dict(Counter(before.lines_rejected) + Counter(counts.rejected)),
            fixes_published=before.fixes_published + len(done.fixes),
            messages_published=before.messages_published + len(done.messages),
            fix_offsets=offsets,
        )
        return self._latest
