"""Who a connection speaks for: which claim outweighs which, and the answers to claims."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, Protocol

from services.nmea import reasons
from services.nmea.reasons import LOGIN_REFUSED, UNIDENTIFIED, UNKNOWN_TERMINAL
from services.terminals.names import is_terminal_name

__all__ = [
    "ACCEPTED", "AUTHENTICATED", "BANNED", "NOT_A_NAME", "REFUSED", "REPLACED", "THROTTLED",
    "UNKNOWN", "WRONG_SYNTAX", "AcceptAll", "Judge", "Trust", "Verdict", "is_terminal_name",
]  # fmt: skip


class Trust(IntEnum):
    """How far a claim of identity is believed; a higher one replaces a lower one."""

    NONE = 0
    DEFAULT = 1
    """The listener's default terminal."""
    TAG = 2
    """The source of a TAG block; holds for its line only."""
    IDENTIFICATION = 3
    """A line by which a device names itself: `$PGID`, `IMEI …`, digits before `$`."""
    LOGIN = 4
    CERTIFICATE = 5
    """The common name of a TLS client certificate."""


class Verdict(NamedTuple):
    """The answer to a claim of identity."""

    accepted: bool
    authenticated: bool = False
    """A token or a certificate has proved it."""
    reply: str = ""
    """One word for `$PDPR,NO,<reply>` where a login is refused. It does not say whether it was
    the name or the token that was wrong: nobody shall learn from it which terminals exist."""
    reject: str = ""
    """Why the lines behind a refused claim are dead letters (see services.nmea.reasons)."""
    close: bool = False
    """A refused claim without a login ends the connection, too."""


ACCEPTED = Verdict(True)
AUTHENTICATED = Verdict(True, authenticated=True)
REFUSED = Verdict(False, reply="refused", reject=LOGIN_REFUSED)
"""The token is wrong, is missing, or somebody has proved to be this terminal."""
UNKNOWN = REFUSED._replace(reject=UNKNOWN_TERMINAL)
NOT_A_NAME = Verdict(False, reply="terminal", reject=UNIDENTIFIED)
WRONG_SYNTAX = Verdict(False, reply="syntax", reject=LOGIN_REFUSED)
"""Not `$PDPR,LOGIN,<terminal>,<token>`."""
THROTTLED = Verdict(False, reply="throttled", reject=LOGIN_REFUSED)
"""Too many logins from this address have failed."""
BANNED = Verdict(False, reply="banned", reject=reasons.BANNED, close=True)
"""The terminal sent too many bad lines in a row a moment ago."""
REPLACED = Verdict(False, reply="replaced", reject=LOGIN_REFUSED)
"""The terminal has logged in on a newer connection."""


class Judge(Protocol):
    """Knows the terminals. Names are terminal names; no method waits for anything."""

    def login(self, terminal: str, token: str) -> Verdict:
        """Whether a login with this token (empty: none was given) holds."""
        ...

    def claim(self, terminal: str) -> Verdict:
        """Whether a terminal may just say who it is."""
        ...

    def certificate(self, terminal: str) -> Verdict:
        """Whether a terminal whose certificate is valid may come in."""
        ...

    def key(self, terminal: str) -> object:
        """What proves that terminal now; another value once its token has changed."""
        ...


class AcceptAll:
    """The judge of a server without a list of terminals."""

    def login(self, terminal: str, token: str) -> Verdict:
        """Yes, though the token proves nothing."""
        return ACCEPTED

    def claim(self, terminal: str) -> Verdict:
        """Yes."""
        return ACCEPTED

    def certificate(self, terminal: str) -> Verdict:
        """Yes, and the authority has vouched for it."""
        return AUTHENTICATED

    def key(self, terminal: str) -> object:
        """Always the same."""
        return None
