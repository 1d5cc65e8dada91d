"""Logins that fail are counted by address, so that nobody tries tokens by the thousand."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from ipaddress import IPv6Address, ip_address

WINDOW_US = 60_000_000
MOST_REMEMBERED = 20_000


class FailureWindows:
    """Failures by key within a minute of the first; of more than ``most`` keys the oldest are
    forgotten."""

    def __init__(self, limit: int, most: int = MOST_REMEMBERED) -> None:
        self._limit = limit
        self._most = most
        self._windows: OrderedDict[Hashable, tuple[int, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    def failed(self, key: Hashable, at_us: int) -> None:
        """One failure more."""
        began, count = self._windows.get(key, (at_us, 0))
        if not 0 <= at_us - began < WINDOW_US:
            began, count = at_us, 0
        self._windows[key] = (began, count + 1)
        while len(self._windows) > self._most:
            self._windows.popitem(last=False)

    def is_full(self, key: Hashable, at_us: int) -> bool:
        """Whether the limit is reached and the minute not over."""
        began, count = self._windows.get(key, (0, 0))
        # A clock that was set back does not make the minute longer.
        return count >= self._limit and 0 <= at_us - began < WINDOW_US


class Throttle:
    """After ``limit`` failures within a minute, no login from that address until it is over.

    A terminal that has logged in from there before still may: a carrier puts a whole fleet behind
    one address, and one terminal with a wrong token must not lock the others out. It then has
    ``limit`` failures a minute of its own.
    """

    def __init__(self, limit: int, most: int = MOST_REMEMBERED) -> None:
        self._addresses = FailureWindows(limit, most)
        self._pairs = FailureWindows(limit, most)
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._most = most

    def refuses(self, address: str, terminal: str, at_us: int) -> bool:
        """Whether a login of this terminal is not even looked at."""
        network = network_of(address)
        if not self._addresses.is_full(network, at_us):
            return False
        pair = (network, terminal)
        return pair not in self._seen or self._pairs.is_full(pair, at_us)

    def failed(self, address: str, terminal: str, at_us: int) -> None:
        """A login has failed."""
        network = network_of(address)
        self._addresses.failed(network, at_us)
        if (network, terminal) in self._seen:
            self._pairs.failed((network, terminal), at_us)

    def succeeded(self, address: str, terminal: str) -> None:
        """A token was right."""
        pair = (network_of(address), terminal)
        self._seen[pair] = None
        self._seen.move_to_end(pair)
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)


def network_of(address: str) -> str:
    """Of IPv6 the first 64 bits, as one subscriber has them all; else the address."""
    if ":" not in address:
        return address
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return address
