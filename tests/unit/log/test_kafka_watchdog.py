"""When a consumer counts as stuck."""

from __future__ import annotations

from services.log.base import TopicPartition
from services.log.kafka_watchdog import Watchdog

ONE = TopicPartition("t", 0)
TWO = TopicPartition("t", 1)


def test_it_looks_only_after_a_quiet_time() -> None:
    dog = Watchdog(30.0, now=100.0)
    assert not dog.is_due(129.9)
    assert dog.is_due(130.0)
    dog.heard(130.0)
    assert not dog.is_due(159.0)


def test_an_idle_topic_is_not_stuck() -> None:
    dog = Watchdog(30.0, now=0.0)
    for now in (30.0, 60.0, 90.0):
        assert dog.is_due(now)
        assert dog.stuck(now, {ONE: 5}, {ONE: 5}) == []


def test_a_partition_behind_at_two_looks_is_stuck() -> None:
    dog = Watchdog(30.0, now=0.0)
    assert dog.stuck(30.0, {ONE: 5, TWO: 1}, {ONE: 6, TWO: 1}) == []
    assert dog.is_due(45.0)
    assert dog.stuck(45.0, {ONE: 5, TWO: 1}, {ONE: 6, TWO: 2}) == [ONE]


def test_a_partition_that_moved_in_between_is_not_stuck() -> None:
    dog = Watchdog(30.0, now=0.0)
    assert dog.stuck(30.0, {ONE: 5}, {ONE: 9}) == []
    assert dog.stuck(45.0, {ONE: 7}, {ONE: 9}) == []


def test_what_was_heard_in_between_clears_the_suspicion() -> None:
    dog = Watchdog(30.0, now=0.0)
    assert dog.stuck(30.0, {ONE: 5}, {ONE: 9}) == []
    dog.heard(31.0)
    assert dog.stuck(61.0, {ONE: 5}, {ONE: 9}) == []
