"""The door of a server: every claim of identity passes it, is judged, counted and written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from services.ingest.identity import (
    BANNED,
    NOT_A_NAME,
    REFUSED,
    THROTTLED,
    WRONG_SYNTAX,
    Judge,
    Trust,
    Verdict,
    is_terminal_name,
)
from services.ingest.metrics import IngestMetrics
from services.ingest.throttle import Throttle
from services.runtime.audit import Audit

WAYS = {
    Trust.IDENTIFICATION: "identification",
    Trust.LOGIN: "login",
    Trust.CERTIFICATE: "certificate",
}
"""Claims that are written down: the others are no act of the terminal's, or one a line."""


class IsBanned(Protocol):
    """Knows who is shut out for a while."""

    def __call__(self, terminal: str, address: str, *, proved: bool) -> bool:
        """Whether a terminal from this address is; ``proved``: it is surely that terminal."""
        ...


def nobody_is_banned(terminal: str, address: str, *, proved: bool) -> bool:
    """See IsBanned."""
    return False


class Guest(Protocol):
    """A connection, as the door sees it."""

    def displace(self) -> None:
        """The terminal has proved on another connection who it is: end this one."""
        ...


class Door:
    """One per server. ``owners`` holds by terminal the connection that has proved to be it."""

    def __init__(
        self,
        judge: Judge,
        throttle: Throttle,
        metrics: IngestMetrics,
        audit: Audit,
    ) -> None:
        self.judge = judge
        self.throttle = throttle
        self.metrics = metrics
        self.audit = audit
        self.owners: dict[str, Guest] = {}
        self.is_banned: IsBanned = nobody_is_banned

    def visitor(self, guest: Guest, address: str) -> KnownVisitor:
        """For a new connection from this address."""
        return KnownVisitor(self, guest, address)


class KnownVisitor:
    """A ``visitor.Visitor`` that this door knows."""

    __slots__ = ("_address", "_door", "_guest", "_key", "_owned")

    def __init__(self, door: Door, guest: Guest, address: str) -> None:
        self._door = door
        self._guest = guest
        self._address = address
        self._owned: str | None = None
        self._key: object = None

    def login(self, arguments: Sequence[str], at_us: int) -> Verdict:
        """See Visitor. The terminal's older connection ends if the token is right."""
        door = self._door
        terminal = arguments[0] if arguments else ""
        if door.throttle.refuses(self._address, terminal, at_us):
            verdict = THROTTLED
        else:
            verdict = self._judge_login(arguments)
            if verdict.authenticated:
                door.throttle.succeeded(self._address, terminal)
                self._own(terminal)
            elif not verdict.accepted and verdict is not BANNED:
                door.throttle.failed(self._address, terminal, at_us)
        self._write_down(terminal, Trust.LOGIN, verdict)
        return verdict

    def claim(self, terminal: str, trust: Trust) -> Verdict:
        """See Visitor."""
        verdict = self._judge_claim(terminal, trust)
        if verdict.authenticated:
            self._own(terminal)
        self._write_down(terminal, trust, verdict)
        return verdict

    def outranked(self, terminal: str) -> bool:
        """See Visitor."""
        owners = self._door.owners
        return bool(owners) and owners.get(terminal, self._guest) is not self._guest

    def still_holds(self, terminal: str, trust: Trust) -> bool:
        """See Visitor."""
        judge = self._door.judge
        if trust is Trust.CERTIFICATE:
            return judge.certificate(terminal).accepted
        if self._owned == terminal:
            return judge.key(terminal) == self._key
        return judge.claim(terminal).accepted

    def leave(self) -> None:
        """See Visitor."""
        owners = self._door.owners
        if self._owned is not None and owners.get(self._owned) is self._guest:
            del owners[self._owned]
        self._owned = None

    def _judge_login(self, arguments: Sequence[str]) -> Verdict:
        if len(arguments) not in (1, 2):
            return WRONG_SYNTAX
        if not is_terminal_name(arguments[0]):
            return NOT_A_NAME
        verdict = self._door.judge.login(arguments[0], arguments[1] if len(arguments) == 2 else "")
        if verdict.accepted and not verdict.authenticated and self.outranked(arguments[0]):
            return REFUSED
        return self._unless_banned(arguments[0], verdict)

    def _judge_claim(self, terminal: str, trust: Trust) -> Verdict:
        if not is_terminal_name(terminal):
            return NOT_A_NAME
        if trust is Trust.CERTIFICATE:
            return self._unless_banned(terminal, self._door.judge.certificate(terminal))
        verdict = self._door.judge.claim(terminal)
        if verdict.accepted and self.outranked(terminal):
            return REFUSED
        return self._unless_banned(terminal, verdict)

    def _unless_banned(self, terminal: str, verdict: Verdict) -> Verdict:
        if verdict.accepted and self._door.is_banned(
            terminal, self._address, proved=verdict.authenticated
        ):
            return BANNED
        return verdict

    def _own(self, terminal: str) -> None:
        if self._owned != terminal:
            self.leave()
        door = self._door
        before = door.owners.get(terminal)
        door.owners[terminal] = self._guest
        self._owned, self._key = terminal, door.judge.key(terminal)
        if before is not None and before is not self._guest:
            door.metrics.connections_displaced.inc()
            door.audit.record("displace", "done", who=terminal, address=self._address)
            before.displace()

    def _write_down(self, terminal: str, trust: Trust, verdict: Verdict) -> None:
        way = WAYS.get(trust)
        if way is None:
            return
        outcome = "accepted" if verdict.accepted else "refused"
        if verdict.reply == THROTTLED.reply:
            outcome = "throttled"
        self._door.metrics.logins.labels(way, outcome).inc()
        self._door.audit.record(
            way,
            outcome,
            who=terminal,
            address=self._address,
            reason=None if verdict.accepted else verdict.reject,
            authenticated=verdict.authenticated if verdict.accepted else None,
        )
