"""The rules of limits: token buckets, counts by address, bans."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.limits import LIMITS, NEW, UNIDENTIFIED, Addresses, Bans, Bucket, shown

Takings = st.lists(st.tuples(st.floats(0.0, 5.0), st.integers(0, 900)), max_size=50)


@given(Takings)
def test_a_bucket_gives_what_a_plain_count_of_tokens_gives(
    takings: list[tuple[float, int]],
) -> None:
    bucket, state, now, tokens = Bucket(500.0, 5_000.0), 0.0, 0.0, 5_000.0
    for pause, taken in takings:
        now += pause
        tokens = min(5_000.0, tokens + pause * 500.0) - taken
        state = bucket.take(state, now, taken)
        assert bucket.ready_at_s(state) - now == pytest.approx(-tokens / 500.0, abs=1e-6)


@given(Takings)
def test_over_any_time_no_more_goes_through_a_bucket_than_its_burst_and_rate(
    takings: list[tuple[float, int]],
) -> None:
    bucket, state, now, through = Bucket(500.0, 5_000.0), 0.0, 0.0, 0
    for pause, wanted in takings:
        now += pause
        for _ in range(wanted):
            if bucket.allows(state, now):
                state = bucket.take(state, now, 1.0)
                through += 1
        assert through <= 5_000 + 500 * now + 1


def test_an_address_has_so_many_new_connections_a_second_and_others_have_their_own() -> None:
    addresses = Addresses(unidentified=0, new_per_s=3)
    assert [addresses.admit("10.0.0.1", 0.0) for _ in range(4)] == [None, None, None, NEW]
    assert addresses.admit("10.0.0.2", 0.0) is None
    assert addresses.admit("10.0.0.1", 0.2) == NEW
    assert addresses.admit("10.0.0.1", 0.34) is None
    assert addresses.admit("10.0.0.1", 0.34) == NEW


def test_refused_connections_do_not_keep_an_address_shut() -> None:
    addresses = Addresses(unidentified=0, new_per_s=2)
    for attempt in range(1_000):
        addresses.admit("10.0.0.1", attempt / 1_000)
    assert addresses.admit("10.0.0.1", 1.5) is None


def test_who_has_said_who_it_is_makes_room_for_the_next_of_its_address() -> None:
    addresses = Addresses(unidentified=2, new_per_s=0)
    assert [addresses.admit("10.0.0.1", 0.0) for _ in range(3)] == [None, None, UNIDENTIFIED]
    addresses.settle("10.0.0.1")
    assert [addresses.admit("10.0.0.1", 0.0) for _ in range(2)] == [None, UNIDENTIFIED]


def test_a_subscribers_ipv6_network_is_one_address_and_mapped_ipv4_is_not() -> None:
    addresses = Addresses(unidentified=1, new_per_s=0)
    assert addresses.admit("2001:db8::1", 0.0) is None
    assert addresses.admit("2001:db8::ffff:2", 0.0) == UNIDENTIFIED
    assert addresses.admit("2001:db8:0:1::1", 0.0) is None
    assert addresses.admit("::ffff:10.0.0.1", 0.0) is None
    assert addresses.admit("::ffff:10.0.0.2", 0.0) is None


def test_addresses_are_forgotten_once_they_mean_nothing() -> None:
    addresses = Addresses(unidentified=5, new_per_s=10)
    for number in range(100):
        addresses.admit(f"10.0.0.{number}", 0.0)
    for number in range(99):
        addresses.settle(f"10.0.0.{number}")
    addresses.forget(0.05)
    assert len(addresses) == 100
    addresses.forget(0.2)
    assert len(addresses) == 1


def test_a_ban_ends() -> None:
    bans = Bans(60.0)
    bans.add("TRUCK-1", "10.0.0.1", 0.0, proved=False)
    assert bans.holds("TRUCK-1", "10.0.0.1", 59.9, proved=False)
    assert not bans.holds("TRUCK-1", "10.0.0.1", 60.0, proved=False)
    bans.forget(60.0)
    assert len(bans) == 0


def test_a_ban_is_the_terminals_and_not_the_addresss() -> None:
    bans = Bans(60.0)
    bans.add("TRUCK-1", "10.0.0.1", 0.0, proved=True)
    assert not bans.holds("TRUCK-2", "10.0.0.1", 1.0, proved=False)


@pytest.mark.parametrize(
    ("banned_with_proof", "comes_with_proof", "from_there", "held"),
    [
        (False, False, "10.0.0.1", True),
        (False, False, "10.0.0.2", False),
        (False, True, "10.0.0.1", False),
        (True, True, "10.0.0.2", True),
        (True, False, "10.0.0.2", True),
    ],
)
def test_a_thief_of_a_name_can_not_shut_its_owner_out(
    banned_with_proof: bool, comes_with_proof: bool, from_there: str, held: bool
) -> None:
    bans = Bans(60.0)
    bans.add("TRUCK-1", "10.0.0.1", 0.0, proved=banned_with_proof)
    assert bans.holds("TRUCK-1", from_there, 1.0, proved=comes_with_proof) is held


def test_bans_are_bounded_and_the_oldest_go_first() -> None:
    bans = Bans(60.0, most=10)
    for number in range(25):
        bans.add(f"TRUCK-{number}", "10.0.0.1", float(number), proved=True)
    assert len(bans) == 10
    assert bans.holds("TRUCK-24", "", 30.0, proved=True)
    assert not bans.holds("TRUCK-14", "", 30.0, proved=True)


def test_a_second_ban_of_a_terminal_starts_anew() -> None:
    bans = Bans(60.0)
    bans.add("TRUCK-1", "", 0.0, proved=True)
    bans.add("TRUCK-2", "", 1.0, proved=True)
    bans.add("TRUCK-1", "", 50.0, proved=True)
    bans.forget(61.0)
    assert bans.holds("TRUCK-1", "", 61.0, proved=True)
    assert len(bans) == 1


def test_no_time_is_no_ban() -> None:
    bans = Bans(0.0)
    bans.add("TRUCK-1", "", 0.0, proved=True)
    assert len(bans) == 0


@given(st.text())
def test_text_in_a_log_is_one_line_of_printable_ascii(text: str) -> None:
    assert shown(text).isprintable()
    assert shown(text).isascii()
    assert len(shown(text)) <= 640


def test_every_limit_says_what_happens() -> None:
    assert all(": " in text for text in LIMITS.values())
