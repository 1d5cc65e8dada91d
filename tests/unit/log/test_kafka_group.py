"""What a member has held without a break."""

from __future__ import annotations

from aiokafka import TopicPartition as KafkaPartition

from services.log.base import TopicPartition
from services.log.kafka_group import Membership

ONE, TWO = KafkaPartition("t", 0), KafkaPartition("t", 1)


class Coordinator:
    """Says the generation."""

    generation = 1

    def __call__(self) -> int:
        return self.generation


async def member(coordinator: Coordinator) -> Membership:
    """A member that has taken over both partitions in generation 1."""
    membership = Membership(coordinator)
    membership.on_partitions_assigned({ONE, TWO})
    assert membership.take_over() == frozenset()
    return membership


async def test_what_stays_in_the_next_generation_is_held() -> None:
    coordinator = Coordinator()
    membership = await member(coordinator)
    membership.on_partitions_revoked({ONE, TWO})
    assert membership.moving_since is not None
    coordinator.generation = 2
    membership.on_partitions_assigned({ONE})
    assert membership.held == {TopicPartition("t", 0)}
    assert membership.take_over() == {TopicPartition("t", 0)}
    assert membership.moving_since is None


async def test_a_missed_generation_is_a_break() -> None:
    coordinator = Coordinator()
    membership = await member(coordinator)
    coordinator.generation = 3
    membership.on_partitions_assigned({ONE, TWO})
    assert membership.held == frozenset()
    assert membership.take_over() == frozenset()
    assert membership.held == {TopicPartition("t", 0), TopicPartition("t", 1)}


async def test_a_partition_lost_and_won_back_between_two_polls_was_not_held() -> None:
    coordinator = Coordinator()
    membership = await member(coordinator)
    coordinator.generation = 2
    membership.on_partitions_assigned({ONE})
    coordinator.generation = 3
    membership.on_partitions_assigned({ONE, TWO})
    assert membership.take_over() == {TopicPartition("t", 0)}
