"""The list of terminals in force, as the judge of who may come in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from services.ingest.identity import ACCEPTED, AUTHENTICATED, REFUSED, UNKNOWN, Verdict
from services.terminals.records import Terminal
from services.terminals.tokens import NOBODYS_TOKEN, TokenHash, token_fits

UnknownTerminals = Literal["accept", "quarantine", "reject"]


class Registry:
    """See ``identity.Judge``. Until a list was given, every terminal is known (unless unknown ones
    are to be rejected): without a list there is no telling."""

    def __init__(self, unknown: UnknownTerminals = "quarantine") -> None:
        self._policy = unknown
        self._tokens: Mapping[str, TokenHash | None] = {}
        self._unlisted = UNKNOWN._replace(close=True) if unknown == "reject" else ACCEPTED
        self._protected = REFUSED._replace(close=unknown == "reject")

    def __len__(self) -> int:
        return len(self._tokens)

    def replace(self, terminals: Iterable[Terminal]) -> None:
        """From now on this list is in force, even if it is empty."""
        self._tokens = {terminal.name: terminal.token for terminal in terminals}
        if self._policy == "quarantine":
            self._unlisted = UNKNOWN

    def login(self, terminal: str, token: str) -> Verdict:
        """An unknown terminal and a wrong token get the same answer in the same time."""
        kept = self._tokens.get(terminal)
        fits = token_fits(token, NOBODYS_TOKEN if kept is None else kept)
        if kept is not None:
            return AUTHENTICATED if fits else self._protected
        return ACCEPTED if terminal in self._tokens else self._unlisted

    def claim(self, terminal: str) -> Verdict:
        """A terminal that has a token must log in with it."""
        if terminal not in self._tokens:
            return self._unlisted
        return ACCEPTED if self._tokens[terminal] is None else self._protected

    def certificate(self, terminal: str) -> Verdict:
        """The certificate is worth as much as a token; one of an unknown terminal no more than
        another claim, lest a terminal that was taken off the list comes back with it."""
        if terminal in self._tokens:
            return AUTHENTICATED
        return AUTHENTICATED if self._unlisted.accepted else self._unlisted

    def key(self, terminal: str) -> object:
        """The hash of its token."""
        return self._tokens.get(terminal)
