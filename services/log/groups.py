"""Consumer groups within one process: who reads which partition, by generation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from services.log.base import TopicPartition


def assign(
    members: Mapping[str, Sequence[str]], partitions: Mapping[str, int]
) -> dict[str, frozenset[TopicPartition]]:
    """Share the partitions of every topic among the members that subscribe to it.

    ``members`` maps a member to its topics, ``partitions`` a topic to its number of partitions.
    Members of one subscription get the same partition numbers of all its topics, whatever
    those topics' sizes, so a member that has ``fix-3`` has ``zone-state-3`` too.
    """
    shares: dict[str, set[TopicPartition]] = {member: set() for member in members}
    for topic, size in partitions.items():
        subscribed = sorted(member for member, topics in members.items() if topic in topics)
        if subscribed:
            for number in range(size):
                owner = subscribed[number % len(subscribed)]
                shares[owner].add(TopicPartition(topic, number))
    return {member: frozenset(share) for member, share in shares.items()}


class Member(NamedTuple):
    """A member of a group: its id, its topics and how to tell it of a new generation."""

    id: str
    topics: tuple[str, ...]
    wake: Callable[[], None]


class Group:
    """One consumer group. A generation is durable before it takes effect.

    ``save_generation`` stores a number; ``partitions`` gives a topic's number of partitions.
    """

    def __init__(
        self,
        generation: int,
        save_generation: Callable[[int], Awaitable[None]],
        partitions: Callable[[str], int],
    ) -> None:
        self.generation = generation
        self._save_generation = save_generation
        self._partitions = partitions
        self._members: dict[str, Member] = {}
        self._shares: Mapping[str, frozenset[TopicPartition]] = {}
        self._since: Mapping[TopicPartition, int] = {}
        self._changing = asyncio.Lock()

    def share(self, member: str) -> frozenset[TopicPartition]:
        """The partitions of ``member`` in the current generation."""
        return self._shares.get(member, frozenset())

    def holds(self, member: str, partition: TopicPartition, generation: int) -> bool:
        """Whether ``member`` has had the partition without a break since ``generation``."""
        return partition in self.share(member) and self._since[partition] <= generation

    async def join(self, member: Member) -> None:
        """Add a member and share the partitions anew."""
        async with self._changing:
            await self._rebalance([*self._members.values(), member])

    async def leave(self, member: str) -> None:
        """Remove a member and share the partitions anew."""
        async with self._changing:
            await self._rebalance([one for one in self._members.values() if one.id != member])

    async def _rebalance(self, members: Iterable[Member]) -> None:
        after = {member.id: member for member in members}
        await self._save_generation(self.generation + 1)
        self._members = after
        topics = {topic for member in after.values() for topic in member.topics}
        sizes = {topic: self._partitions(topic) for topic in sorted(topics)}
        shares = assign({one.id: one.topics for one in after.values()}, sizes)
        self.generation += 1
        self._since = {
            partition: self._since[partition]
            if partition in self.share(member)
            else self.generation
            for member, share in shares.items()
            for partition in share
        }
        self._shares = shares
        for member in after.values():
            member.wake()
