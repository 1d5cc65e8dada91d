"""The list of allowed terminals, from a JSON or CSV file.

JSON: a list of objects; CSV: a header line, then one terminal a line. The fields are ``name``
(needed), ``kind``, ``class`` and ``token``. A terminal without a token need not prove itself.
"""

from __future__ import annotations

import csv
import hmac
import io
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import NamedTuple

from services.ingest.identity import (
    ACCEPTED,
    UNKNOWN,
    WRONG_TOKEN,
    LoginResult,
    is_terminal_name,
)

FIELDS = ("name", "kind", "class", "token")


class RegistryError(ValueError):
    """A file that is no list of terminals; the text names file, line and reason."""


class Terminal(NamedTuple):
    """A row of the list. ``token`` is the secret as written: don't keep it (see Registry)."""

    name: str
    kind: str | None
    terminal_class: str | None
    token: str | None


class Registry:
    """Judges logins; holds only keyed hashes of the tokens (BLAKE2b, a new key a process)."""

    def __init__(self, terminals: Iterable[Terminal]) -> None:
        self._key = secrets.token_bytes(32)
        self._digests = {
            terminal.name: None if terminal.token is None else self._digest(terminal.token)
            for terminal in terminals
        }

    def __len__(self) -> int:
        return len(self._digests)

    def authenticate(self, terminal: str, token: str | None) -> LoginResult:
        """Whether ``terminal`` is on the list and ``token`` its own, in constant time."""
        if terminal not in self._digests:
            return LoginResult(False, UNKNOWN)
        expected = self._digests[terminal]
        if expected is None:
            return ACCEPTED
        if token is not None and hmac.compare_digest(expected, self._digest(token)):
            return ACCEPTED
        return LoginResult(False, WRONG_TOKEN)

    def _digest(self, token: str) -> bytes:
        return blake2b(token.encode("utf-8", "surrogateescape"), key=self._key).digest()


def load_terminals(content: bytes, file: str) -> list[Terminal]:
    """The terminals of a file, given its bytes and its name (for messages; ``.csv`` or JSON).

    Raises RegistryError.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RegistryError(f"{file}, line {line}: not UTF-8 text") from error
    rows = _csv_rows(text, file) if file.lower().endswith(".csv") else _json_rows(text, file)
    terminals: dict[str, Terminal] = {}
    for place, row in rows:
        terminal = _terminal(row, place)
        if terminal.name in terminals:
            raise RegistryError(f"{place}: terminal {terminal.name!r} is listed twice")
        terminals[terminal.name] = terminal
    return list(terminals.values())


def _csv_rows(text: str, file: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        unknown = [name for name in reader.fieldnames or () if name not in FIELDS]
        if "name" not in (reader.fieldnames or ()) or unknown:
            raise RegistryError(
                f"{file}, line 1: the header must be some of {', '.join(FIELDS)}, with name"
            )
        for row in reader:
            place = f"{file}, line {reader.line_num}"
            if None in row or None in row.values():
                raise RegistryError(f"{place}: not as many values as the header has names")
            yield place, {name: value or None for name, value in row.items()}
    except csv.Error as error:
        raise RegistryError(f"{file}, line {reader.reader.line_num}: {error}") from error


def _json_rows(text: str, file: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Decodes the list's items one by one, to know the line of each."""
    decoder, at, line = json.JSONDecoder(), _skip(text, 0), 1
    if text[at : at + 1] != "[":
        raise RegistryError(f"{file}, line 1: not a JSON list of terminals")
    try:
        if text[_skip(text, at + 1) :][:1] == "]":
            return
        while text[at : at + 1] in ("[", ","):
            at = _skip(text, at + 1)
            line = text.count("\n", 0, at) + 1
            row, end = decoder.raw_decode(text, at)
            if not isinstance(row, dict):
                raise RegistryError(f"{file}, line {line}: not a JSON object")
            yield f"{file}, line {line}", row
            at = _skip(text, end)
    except json.JSONDecodeError as error:
        raise RegistryError(f"{file}, line {error.lineno}: not JSON: {error.msg}") from error
    if text[at : at + 1] != "]" or text[at + 1 :].strip():
        raise RegistryError(
            f"{file}, line {text.count(chr(10), 0, at) + 1}: not JSON: , or the list's end expected"
        )


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _terminal(row: Mapping[str, object], place: str) -> Terminal:
    for field, value in row.items():
        if field not in FIELDS:
            raise RegistryError(f"{place}: {field!r} is none of {', '.join(FIELDS)}")
        if value is not None and (not isinstance(value, str) or not value):
            raise RegistryError(f"{place}: {field} must be a text that is not empty")
    name, kind, terminal_class, token = (_text(row.get(field)) for field in FIELDS)
    if name is None:
        raise RegistryError(f"{place}: name is missing")
    if not is_terminal_name(name):
        raise RegistryError(f"{place}: {name!r} is not 3 to 32 of A-Z a-z 0-9 _ -")
    if token is not None and set(token) & set(",*$!\\\r\n"):
        raise RegistryError(f"{place}: the token holds a character that NMEA 0183 reserves")
    return Terminal(name, kind, terminal_class, token)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
