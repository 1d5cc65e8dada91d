"""Who a connection speaks for: terminal names, logins, and which claim outweighs which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NamedTuple

from services.nmea.reasons import LOGIN_REFUSED, UNIDENTIFIED, UNKNOWN_TERMINAL

SHORTEST, LONGEST = 3, 32
_ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")

UNKNOWN = "unknown"
"""Login refused: no such terminal."""
WRONG_TOKEN = "token"
"""Login refused: the token is not this terminal's, or is missing."""
WRONG_NAME = "terminal"
"""Login refused: not a terminal name."""
WRONG_SYNTAX = "syntax"
"""Login refused: not `$PDPR,LOGIN,<terminal>,<token>`."""


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


class LoginResult(NamedTuple):
    """The answer to a claim of identity."""

    accepted: bool
    reason: str = ""
    """One word for the reply `$PDPR,NO,<reason>`; empty when accepted."""


ACCEPTED = LoginResult(True)

Authenticate = Callable[[str, str | None], LoginResult]
"""Judges a claim from the terminal's name and token; the token is None for claims that are not
logins and so can't carry one."""


def accept_all(_terminal: str, _token: str | None) -> LoginResult:
    """The judge of a server without a list of terminals."""
    return ACCEPTED


def is_terminal_name(text: str) -> bool:
    """Whether ``text`` is 3 to 32 of ``A-Z a-z 0-9 _ -``."""
    return SHORTEST <= len(text) <= LONGEST and _ALLOWED.issuperset(text)


def judge_login(arguments: Sequence[str], authenticate: Authenticate) -> LoginResult:
    """Whether `$PDPR,LOGIN` with these arguments holds. No token is as good as an empty one."""
    if len(arguments) not in (1, 2):
        return LoginResult(False, WRONG_SYNTAX)
    if not is_terminal_name(arguments[0]):
        return LoginResult(False, WRONG_NAME)
    return authenticate(arguments[0], arguments[1] if len(arguments) == 2 else "")


def judge_claim(terminal: str, authenticate: Authenticate) -> LoginResult:
    """Whether a terminal may just say who it is, without a login."""
    if not is_terminal_name(terminal):
        return LoginResult(False, WRONG_NAME)
    return authenticate(terminal, None)


def reject_reason(refused: LoginResult) -> str:
    """Why the lines behind a refused claim without login are rejected."""
    if refused.reason == UNKNOWN:
        return UNKNOWN_TERMINAL
    return UNIDENTIFIED if refused.reason == WRONG_NAME else LOGIN_REFUSED
