"""Limits on what clients may do, as pure rules: times are arguments, in seconds of any clock that
never goes back. Names of limits, token buckets, counts by address, bans."""

from __future__ import annotations

from typing import NamedTuple

from services.ingest.throttle import network_of

CONNECTIONS = "connections"
UNIDENTIFIED = "unidentified_per_address"
NEW = "new_per_address"
FIRST_LINE = "first_line"
LINE_TIME = "line_time"
IDLE = "idle"
TERMINAL_RATE = "terminal_rate"
BAD_LINES = "bad_lines"
BANNED = "banned"
UNREAD_REPLIES = "unread_replies"
UNREAD_END = "unread_end"
CONNECTION_IN_FLIGHT = "connection_in_flight"
IN_FLIGHT = "in_flight"

LIMITS: dict[str, str] = {
    CONNECTIONS: "refused: as many connections are open as there may be",
    UNIDENTIFIED: "refused: too many from this address have not said who they are",
    NEW: "refused: too many new connections a second from this address",
    FIRST_LINE: "closed: no valid line came in time",
    LINE_TIME: "closed: a line that had begun was not finished in time",
    IDLE: "closed: nothing came for too long",
    TERMINAL_RATE: "read more slowly: more lines a second than a terminal may send",
    BAD_LINES: "closed: too many bad lines in a row",
    BANNED: "refused: this terminal sent too many bad lines in a row a moment ago",
    UNREAD_REPLIES: "closed: it asks and does not read the answers",
    UNREAD_END: "closed by force: it does not read the last answers",
    CONNECTION_IN_FLIGHT: "not read for now: too much of this connection waits for the log",
    IN_FLIGHT: "nobody is read for now: too much of all connections waits for the log",
}
"""Every limit that a connection can run into, with what happens then. Limits of a line are
reasons for rejecting it: see ``services.nmea.reasons``."""


class Bucket(NamedTuple):
    """A token bucket. Its whole state is one number, so that a connection's is cheap: the time
    at which it will be full again (the "virtual scheduling" of ITU-T I.371)."""

    per_s: float
    """Tokens that come back a second."""
    burst: float
    """Tokens of a full bucket."""

    def take(self, full_at_s: float, now_s: float, tokens: float) -> float:
        """The state after tokens are taken, be they there or not."""
        return max(full_at_s, now_s) + tokens / self.per_s

    def ready_at_s(self, full_at_s: float) -> float:
        """When no token is missing any more, that is the bucket holds none or some."""
        return full_at_s - self.burst / self.per_s

    def allows(self, full_at_s: float, now_s: float) -> bool:
        """Whether one more token is there."""
        return self.ready_at_s(self.take(full_at_s, now_s, 1.0)) <= now_s


class _Address:
    __slots__ = ("full_at_s", "unidentified")

    def __init__(self) -> None:
        self.unidentified = 0
        self.full_at_s = 0.0


class Addresses:
    """Connections by address (an IPv6 subscriber's whole network counts as one).

    ``unidentified`` limits the open ones that have not said who they are, ``new_per_s`` the new
    ones a second; 0 is no limit. Those that have said who they are count for nothing here, since
    carriers put whole fleets behind one address.
    """

    def __init__(self, unidentified: int, new_per_s: int) -> None:
        self._unidentified = unidentified
        self._new = Bucket(new_per_s, new_per_s) if new_per_s else None
        self._known: dict[str, _Address] = {}

    def __len__(self) -> int:
        return len(self._known)

    def admit(self, address: str, now_s: float) -> str | None:
        """Count a new connection in; or the name of the limit that refuses it.

        A refused one uses nothing up: a flood must not keep the address shut to others for
        longer than it lasts.
        """
        network = network_of(address)
        known = self._known.get(network) or _Address()
        if self._unidentified and known.unidentified >= self._unidentified:
            return UNIDENTIFIED
        if self._new is not None:
            if not self._new.allows(known.full_at_s, now_s):
                return NEW
            known.full_at_s = self._new.take(known.full_at_s, now_s, 1.0)
        known.unidentified += 1
        self._known[network] = known
        return None

    def settle(self, address: str) -> None:
        """An admitted connection has said who it is, or ended before it did."""
        self._known[network_of(address)].unidentified -= 1

    def forget(self, now_s: float) -> None:
        """Drop addresses of which nothing needs to be remembered."""
        self._known = {
            network: known
            for network, known in self._known.items()
            if known.unidentified or known.full_at_s > now_s
        }


class Bans:
    """Terminals that are shut out for a while; of more than ``most`` the oldest are forgotten.

    What nobody has proved is held only against the address that it came from: a thief of a name
    must not shut its owner out.
    """

    def __init__(self, ban_s: float, most: int = 10_000) -> None:
        self._ban_s = ban_s
        self._most = most
        self._until_s: dict[tuple[str, str | None], float] = {}

    def __len__(self) -> int:
        return len(self._until_s)

    def add(self, terminal: str, address: str, now_s: float, *, proved: bool) -> None:
        """Shut a terminal out; ``proved``: by token or certificate it was surely that one."""
        if self._ban_s <= 0:
            return
        key = (terminal, None if proved else network_of(address))
        self._until_s.pop(key, None)
        self._until_s[key] = now_s + self._ban_s
        if len(self._until_s) > self._most:
            del self._until_s[next(iter(self._until_s))]

    def holds(self, terminal: str, address: str, now_s: float, *, proved: bool) -> bool:
        """Whether the terminal is shut out; a ban of what was not proved does not bind proof."""
        if not self._until_s:
            return False
        keys = [(terminal, None)] if proved else [(terminal, None), (terminal, network_of(address))]
        return any(self._until_s.get(key, now_s) > now_s for key in keys)

    def forget(self, now_s: float) -> None:
        """Drop those that are over."""
        while self._until_s:
            oldest = next(iter(self._until_s))
            if self._until_s[oldest] > now_s:
                return
            del self._until_s[oldest]


def shown(text: str) -> str:
    """Text from outside as a log may have it: printable ASCII, one line, not long."""
    return text[:64].encode("unicode_escape").decode("ascii")
