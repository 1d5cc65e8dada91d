"""What a new list changes in the one that is in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from services.terminals.files import Listed
from services.terminals.records import Terminal
from services.terminals.tokens import TokenHash, hash_token, token_fits


class Changes(NamedTuple):
    """Terminals to write and names to take off; neither in more than one of the sequences."""

    added: Sequence[Terminal]
    changed: Sequence[Terminal]
    removed: Sequence[str]
    unchanged: int

    @property
    def written(self) -> Sequence[Terminal]:
        """All that get a new record."""
        return (*self.added, *self.changed)


def compare(
    known: Mapping[str, Terminal],
    wanted: Sequence[Listed],
    new_salt: Callable[[], bytes],
    *,
    replace: bool,
) -> Changes:
    """From ``known`` to ``wanted``; with ``replace`` what is not wanted is taken off the list.

    A terminal whose token is the same keeps its salt and so is unchanged: its connections stay.
    """
    added: list[Terminal] = []
    changed: list[Terminal] = []
    for one in wanted:
        before = known.get(one.name)
        token = _token(one, None if before is None else before.token, new_salt)
        now = Terminal(one.name, one.kind, one.terminal_class, token)
        if before is None:
            added.append(now)
        elif now != before:
            changed.append(now)
    names = {one.name for one in wanted}
    removed = sorted(name for name in known if name not in names) if replace else []
    return Changes(added, changed, removed, len(wanted) - len(added) - len(changed))


def _token(
    one: Listed, before: TokenHash | None, new_salt: Callable[[], bytes]
) -> TokenHash | None:
    if not one.says_token:
        return before
    if one.token is None:
        return None
    if before is not None and token_fits(one.token, before):
        return before
    return hash_token(one.token, new_salt())
