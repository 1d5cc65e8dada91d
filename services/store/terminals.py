"""Names of terminals as the small numbers that the tables hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

import asyncpg

from services.store.tables import ADD_TERMINALS, FIND_TERMINALS

MOST_CACHED = 250_000
"""32 MB, and more than a process has whose core is half busy (docs/capacity.md). If it had
more, each batch would ask the database: fixes come in turns, and the oldest name goes first."""


class Terminals:
    """Ids by name, from the table terminals; the last ``most`` names asked for are kept.

    A new name is committed before any batch uses its id, so a batch that is rolled back leaves
    no id here that the table does not have.
    """

    def __init__(self, most: int = MOST_CACHED) -> None:
        self._most = most
        self._ids: dict[str, int] = {}

    @property
    def ids(self) -> Mapping[str, int]:
        """The names that are known now."""
        return self._ids

    async def resolve(self, connection: asyncpg.Connection, names: Iterable[str]) -> None:
        """Make ``ids`` know these names: it does until the caller awaits again.

        The connection must not be in a transaction: each statement has to see what others
        have committed. Sorted, so that two that add the same names wait and don't deadlock.
        """
        wanted = sorted(set(names))
        found = dict(await connection.fetch(FIND_TERMINALS, wanted))
        missing = [name for name in wanted if name not in found]
        if missing:
            await connection.execute(ADD_TERMINALS, missing)
            found.update(await connection.fetch(FIND_TERMINALS, missing))
        self._keep(found)

    def _keep(self, found: Mapping[str, int]) -> None:
        excess = len(self._ids) + len(found) - self._most
        for name in list(islice(self._ids, max(0, excess))):
            del self._ids[name]
        self._ids.update(found)
