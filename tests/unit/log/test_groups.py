"""Who reads which partition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.log.base import LogError, TopicPartition
from services.log.groups import Group, Member, assign

TOPICS = {"a": 8, "b": 8, "c": 3}


@given(st.sets(st.text("xyz", min_size=1, max_size=3), min_size=1, max_size=6))
def test_every_partition_has_one_owner_and_numbers_stay_together(names: set[str]) -> None:
    shares = assign({name: tuple(TOPICS) for name in names}, TOPICS)
    owned = [partition for share in shares.values() for partition in share]
    assert sorted(owned) == sorted(
        TopicPartition(topic, number) for topic, size in TOPICS.items() for number in range(size)
    )
    for share in shares.values():
        numbers = {topic: {p.partition for p in share if p.topic == topic} for topic in TOPICS}
        assert numbers["a"] == numbers["b"]
        assert numbers["c"] == {number for number in numbers["a"] if number < 3}


@given(st.integers(1, 9))
def test_shares_differ_by_one_at_most(members: int) -> None:
    shares = assign({f"m{number}": ("a",) for number in range(members)}, {"a": 8})
    sizes = [len(share) for share in shares.values()]
    assert max(sizes) - min(sizes) <= 1


def test_a_topic_goes_only_to_those_who_subscribe_to_it() -> None:
    shares = assign({"one": ("a",), "two": ("b",)}, {"a": 2, "b": 1})
    assert shares == {
        "one": frozenset({TopicPartition("a", 0), TopicPartition("a", 1)}),
        "two": frozenset({TopicPartition("b", 0)}),
    }


async def test_a_partition_that_went_away_and_came_back_was_not_held() -> None:
    async def save(generation: int) -> None:
        return None

    group = Group(0, save, TOPICS.__getitem__)
    await group.join(Member("one", ("c",), lambda: None))
    start = group.generation
    before = group.share("one")
    await group.join(Member("two", ("c",), lambda: None))
    lost = before - group.share("one")
    kept = group.share("one")
    await group.leave("two")
    assert group.share("one") == before
    assert {one for one in before if group.holds("one", one, start)} == kept
    assert not any(group.holds("one", one, start) for one in lost)


async def test_a_generation_that_is_not_durable_takes_no_effect() -> None:
    async def save(generation: int) -> None:
        raise LogError("disk full")

    group = Group(4, save, TOPICS.__getitem__)
    with pytest.raises(LogError, match="disk full"):
        await group.join(Member("one", ("c",), lambda: None))
    assert group.generation == 4
    assert group.share("one") == frozenset()
