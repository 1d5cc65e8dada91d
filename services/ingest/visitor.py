"""What a session asks about claims of identity; ``door.KnownVisitor`` answers for a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from services.ingest.identity import (
    NOT_A_NAME,
    WRONG_SYNTAX,
    AcceptAll,
    Judge,
    Trust,
    Verdict,
    is_terminal_name,
)


class Visitor(Protocol):
    """One connection's way through the door; what a session asks."""

    def login(self, arguments: Sequence[str], at_us: int) -> Verdict:
        """Whether `$PDPR,LOGIN` with these arguments holds."""
        ...

    def claim(self, terminal: str, trust: Trust) -> Verdict:
        """Whether the terminal may just say who it is, or by its certificate."""
        ...

    def outranked(self, terminal: str) -> bool:
        """Whether another connection has proved to be this terminal."""
        ...

    def still_holds(self, terminal: str, trust: Trust) -> bool:
        """Whether what was accepted before would be accepted by the list now in force."""
        ...

    def leave(self) -> None:
        """The connection has ended."""
        ...


class Stranger:
    """The visitor of a session that nobody guards: tests, tools."""

    def __init__(self, judge: Judge | None = None) -> None:
        self._judge = judge or AcceptAll()

    def login(self, arguments: Sequence[str], at_us: int) -> Verdict:
        """As the judge says."""
        if len(arguments) not in (1, 2):
            return WRONG_SYNTAX
        if not is_terminal_name(arguments[0]):
            return NOT_A_NAME
        return self._judge.login(arguments[0], arguments[1] if len(arguments) == 2 else "")

    def claim(self, terminal: str, trust: Trust) -> Verdict:
        """As the judge says."""
        if not is_terminal_name(terminal):
            return NOT_A_NAME
        if trust is Trust.CERTIFICATE:
            return self._judge.certificate(terminal)
        return self._judge.claim(terminal)

    def outranked(self, terminal: str) -> bool:
        """Never."""
        return False

    def still_holds(self, terminal: str, trust: Trust) -> bool:
        """As the judge says."""
        if trust is Trust.CERTIFICATE:
            return self._judge.certificate(terminal).accepted
        return self._judge.claim(terminal).accepted

    def leave(self) -> None:
        """Nothing."""
