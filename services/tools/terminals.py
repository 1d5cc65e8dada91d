"""``dipper terminals``: files of terminals read, compared with the list in force, and shown."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.log.base import TERMINAL, Entry
from services.terminals.changes import Changes, compare
from services.terminals.files import STANDARD_INPUT, Listed, TerminalFileError, read_terminals
from services.terminals.records import Terminal, decode_terminal, encode_terminal
from services.terminals.tokens import SALT_BYTES, SHORT_TOKEN

TOKEN_BYTES = 24
"""192 bits, 32 characters: nobody finds it from its hash, and it fits in any terminal."""
PIPE_WIDTH = 240


class Definitions(Protocol):
    """The part of a log that a list of definitions needs."""

    async def read_compacted(self, topic: str) -> Mapping[bytes, bytes]:
        """See services.log.base.Log."""
        ...

    async def append(self, topic: str, entries: Sequence[Entry]) -> object:
        """See services.log.base.Log."""
        ...


def read_terminal_files(paths: Sequence[str]) -> list[Listed]:
    """The terminals of all files together; ``-`` is standard input.

    Raises TerminalFileError with the problems of all of them, a name that two files share and
    files without any terminal included.
    """
    listed: dict[str, Listed] = {}
    problems: list[str] = []
    for path in paths:
        try:
            rows = _read(path)
        except TerminalFileError as error:
            problems += error.problems
            continue
        if not rows:
            problems.append(
                f"{path}: lists no terminal; to take some off the list use "
                "`dipper terminals remove NAME…`"
            )
        for row in rows:
            if row.name in listed:
                problems.append(
                    f"{row.place}: terminal {row.name!r} is listed twice, first in "
                    f"{listed[row.name].place}: keep one"
                )
            listed.setdefault(row.name, row)
    if problems:
        raise TerminalFileError(problems)
    return list(listed.values())


def _read(path: str) -> list[Listed]:
    try:
        if path == "-":
            return read_terminals(sys.stdin.buffer.read(), STANDARD_INPUT)
        return read_terminals(Path(path).read_bytes(), path)
    except OSError as error:
        raise TerminalFileError([f"{path}: can't be read: {error.strerror or error}"]) from error


def short_tokens(listed: Sequence[Listed]) -> str | None:
    """A warning if tokens are so short that somebody with the hash may find them; None if not."""
    short = sum(one.token is not None and len(one.token) < SHORT_TOKEN for one in listed)
    if not short:
        return None
    return (
        f"{short} of the tokens are shorter than {SHORT_TOKEN} characters: whoever may read the "
        "list can find them by trying; `dipper terminals token` makes better ones"
    )


def new_token() -> str:
    """A random token of the characters that names may have."""
    return secrets.token_urlsafe(TOKEN_BYTES)


async def read_list(log: Definitions) -> dict[str, Terminal]:
    """The list in force, by name. Raises CodecError, LogError."""
    records = await log.read_compacted(TERMINAL)
    terminals = [decode_terminal(value) for _, value in sorted(records.items())]
    return {terminal.name: terminal for terminal in terminals}


async def publish_terminals(
    log: Definitions, listed: Sequence[Listed], *, replace: bool
) -> Changes:
    """Put terminals on the list; with ``replace`` take all others off it. Raises CodecError,
    LogError."""
    known = await read_list(log)
    changes = compare(known, listed, lambda: secrets.token_bytes(SALT_BYTES), replace=replace)
    entries = [Entry(one.name.encode(), encode_terminal(one)) for one in changes.written]
    entries += [Entry(name.encode(), None) for name in changes.removed]
    if entries:
        await log.append(TERMINAL, entries)
    return changes


async def remove_terminals(log: Definitions, names: Sequence[str]) -> list[str]:
    """Take terminals off the list; if one is not on it nothing is changed, and those that are
    not are returned. Raises CodecError, LogError."""
    known = await read_list(log)
    missing = [name for name in names if name not in known]
    if not missing:
        await log.append(TERMINAL, [Entry(name.encode(), None) for name in dict.fromkeys(names)])
    return missing


def terminal_table(terminals: Mapping[str, Terminal]) -> Table:
    """One row a terminal, with whether it has a token."""
    table = Table(title=Text(f"on the list: {len(terminals)} terminals"), title_justify="left")
    for heading in ("name", "kind", "class", "token"):
        table.add_column(heading, overflow="fold")
    for name, terminal in sorted(terminals.items()):
        token = "none" if terminal.token is None else "yes"
        cells = (name, terminal.kind or "", terminal.terminal_class or "", token)
        # Text, because a class may hold what rich would read as markup.
        table.add_row(*(Text(cell) for cell in cells))
    return table


def show_list(terminals: Mapping[str, Terminal]) -> None:
    """The table on standard output."""
    # In a pipe there is no width to keep to, and a folded name can't be searched for.
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(terminal_table(terminals))


def told(changes: Changes, *, replace: bool) -> str:
    """What a load has done, for people."""
    parts = [f"{len(changes.added)} added", f"{len(changes.changed)} changed"]
    if replace or changes.removed:
        parts.append(f"{len(changes.removed)} removed")
    return f"terminals: {', '.join(parts)}, {changes.unchanged} as they were"


def counts(changes: Changes) -> dict[str, int | str | bool | None]:
    """The same for the audit log."""
    return {
        "added": len(changes.added),
        "changed": len(changes.changed),
        "removed": len(changes.removed),
    }
