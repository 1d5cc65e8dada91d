"""Failed logins by address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.throttle import WINDOW_US, FailureWindows, Throttle, network_of

NOW = 1_750_161_600_000_000


def after_failures(count: int, address: str = "192.0.2.1") -> Throttle:
    throttle = Throttle(3)
    for _ in range(count):
        throttle.failed(address, "GUESS-1", NOW)
    return throttle


def test_the_limit_of_failures_is_allowed_and_then_no_login_is() -> None:
    assert not after_failures(2).refuses("192.0.2.1", "TRUCK-1", NOW)
    assert after_failures(3).refuses("192.0.2.1", "TRUCK-1", NOW)


def test_other_addresses_are_not_concerned() -> None:
    assert not after_failures(3).refuses("192.0.2.2", "TRUCK-1", NOW)


@pytest.mark.parametrize("later", [WINDOW_US, -1, 10 * WINDOW_US])
def test_it_ends_with_the_minute_and_with_a_clock_that_is_set_back(later: int) -> None:
    assert not after_failures(3).refuses("192.0.2.1", "TRUCK-1", NOW + later)


def test_a_terminal_that_came_in_before_may_still_come_in_but_not_guess_for_ever() -> None:
    throttle = Throttle(3)
    throttle.succeeded("192.0.2.1", "TRUCK-1")
    for _ in range(3):
        throttle.failed("192.0.2.1", "GUESS-1", NOW)
    assert throttle.refuses("192.0.2.1", "TRUCK-2", NOW)
    assert not throttle.refuses("192.0.2.1", "TRUCK-1", NOW)
    for _ in range(3):
        throttle.failed("192.0.2.1", "TRUCK-1", NOW)
    assert throttle.refuses("192.0.2.1", "TRUCK-1", NOW)


def test_an_ipv6_subscriber_is_one_address_however_many_it_has() -> None:
    throttle = after_failures(3, "2001:db8:1:2:3::4")
    assert throttle.refuses("2001:db8:1:2::ffff", "TRUCK-1", NOW)
    assert not throttle.refuses("2001:db8:1:3::4", "TRUCK-1", NOW)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("?", "?"),
        ("no:address", "no:address"),
    ],
)
def test_the_network_of_an_address(address: str, network: str) -> None:
    assert network_of(address) == network


@given(st.lists(st.integers(0, 500), max_size=400))
def test_memory_is_bounded(keys: list[int]) -> None:
    windows = FailureWindows(3, most=10)
    for key in keys:
        windows.failed(key, NOW)
    assert len(windows) <= 10
