"""What a terminal may be called."""

from __future__ import annotations

SHORTEST, LONGEST = 3, 32
_ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def is_terminal_name(text: str) -> bool:
    """Whether ``text`` is 3 to 32 of ``A-Z a-z 0-9 _ -``."""
    return SHORTEST <= len(text) <= LONGEST and _ALLOWED.issuperset(text)
