"""Notices a consumer that gets nothing although there is something to get.

aiokafka can stall in silence after a rebalance or a lost connection (its issues 847 and 1037):
no record, no error. Only the broker's end offsets tell that from an idle topic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.log.base import TopicPartition


class Watchdog:
    """Decides from times (seconds, any clock) and offsets; it asks nobody itself."""

    def __init__(self, stall_s: float, now: float) -> None:
        self._stall_s = stall_s
        self._quiet_since = now
        self._suspected: Mapping[TopicPartition, int] = {}

    def heard(self, now: float) -> None:
        """Records came, or the assignment changed."""
        self._quiet_since = now
        self._suspected = {}

    def is_due(self, now: float) -> bool:
        """Whether it has been quiet for so long that offsets should be compared."""
        return now - self._quiet_since >= self._stall_s

    def stuck(
        self,
        now: float,
        positions: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
    ) -> Sequence[TopicPartition]:
        """Partitions that were behind at the look before and have not moved since.

        A first look that finds some behind only suspects: a record may be on its way. The
        second comes after half the time.
        """
        behind = {source: at for source, at in positions.items() if at < ends[source]}
        found = [source for source, at in behind.items() if self._suspected.get(source) == at]
        self._suspected = behind
        self._quiet_since = now - self._stall_s / 2 if behind else now
        return sorted(found)
