"""Membership of a Kafka consumer group: assignment by partition number, and who held what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiokafka import ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

from services.log.base import TopicPartition
from services.log.groups import assign


class SameNumbersAssignor(AbstractPartitionAssignor):  # type: ignore[misc]
    """Gives a member the same partition numbers of all its topics; see ``groups.assign``.

    Kafka's range assignor does so only for topics of one size.
    """

    name = "dipper-same-numbers"
    version = 0

    @classmethod
    def assign(
        cls, cluster: Any, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Called by aiokafka on the group's leader."""
        subscriptions = {member: metadata.subscription for member, metadata in members.items()}
        topics = {topic for subscribed in subscriptions.values() for topic in subscribed}
        sizes = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in topics}
        shares = assign(subscriptions, dict(sorted(sizes.items())))
        return {member: _as_assignment(cls.version, shares[member]) for member in members}

    @classmethod
    def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """Called by aiokafka when joining."""
        return ConsumerProtocolMemberMetadata(cls.version, sorted(topics), b"")

    @classmethod
    def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Called by aiokafka; nothing to remember."""


def _as_assignment(
    version: int, share: Iterable[TopicPartition]
) -> ConsumerProtocolMemberAssignment:
    by_topic: dict[str, list[int]] = {}
    for topic, partition in sorted(share):
        by_topic.setdefault(topic, []).append(partition)
    return ConsumerProtocolMemberAssignment(version, sorted(by_topic.items()), b"")


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]
    """What the coordinator has said; the consumer takes it over between two polls.

    ``held`` are the partitions that this member has had without a break since it last took an
    assignment over. A generation that was missed is a break: another member may have read.
    """

    def __init__(self, coordinator_generation: Callable[[], int]) -> None:
        self._coordinator_generation = coordinator_generation
        self.generation = 0
        self.current: frozenset[TopicPartition] = frozenset()
        self.held: frozenset[TopicPartition] = frozenset()
        self.news = asyncio.Event()
        self.changed = False
        self.moving_since: float | None = asyncio.get_running_loop().time()
        """When the group began to rebalance; None while it is settled."""

    def on_partitions_revoked(self, revoked: Iterable[KafkaPartition]) -> None:
        """The group is being shared anew."""
        if self.moving_since is None:
            self.moving_since = asyncio.get_running_loop().time()

    def on_partitions_assigned(self, assigned: Iterable[KafkaPartition]) -> None:
        """A new generation."""
        generation = self._coordinator_generation()
        self.current = frozenset(TopicPartition(one.topic, one.partition) for one in assigned)
        unbroken = generation == self.generation + 1
        self.held = self.held & self.current if unbroken else frozenset()
        self.generation = generation
        self.moving_since = None
        self.changed = True
        self.news.set()

    def take_over(self) -> frozenset[TopicPartition]:
        """The partitions that stayed; from here on all current ones are held."""
        stayed, self.held = self.held, self.current
        self.changed = False
        return stayed

    def lose_all(self) -> None:
        """This member starts again as a new one."""
        self.held = frozenset()
        self.current = frozenset()
        self.moving_since = asyncio.get_running_loop().time()
