"""The operator's list of terminals: a JSON or CSV file.

JSON: a list of objects; CSV: a header line, then one terminal a line. The fields are ``name``
(needed), ``kind``, ``class`` and ``token``.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from services.terminals.names import is_terminal_name
from services.terminals.records import KINDS
from services.terminals.tokens import token_problem

STANDARD_INPUT = "standard input"
"""As a file's name: CSV unless it begins as JSON does."""
FIELDS = ("name", "kind", "class", "token")
LONGEST_CLASS = 64
MOST_PROBLEMS = 20
"""Of one file: more would only hide the first."""

Row = Mapping[str, object]


class TerminalFileError(ValueError):
    """Files that are no list of terminals; ``problems`` names file, line, reason and remedy."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class Listed(NamedTuple):
    """A row of a list. ``token`` is the secret as written: hash it and let go of it."""

    name: str
    kind: str | None
    terminal_class: str | None
    token: str | None
    says_token: bool
    """The list has a field for the token: an empty one means none. Without the field the token
    stays what it was."""
    place: str
    """File and line, for people."""


def read_terminals(content: bytes, file: str) -> list[Listed]:
    """The rows of a file, given its bytes and its name (for messages; ``.csv`` or JSON).

    Raises TerminalFileError with every problem.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TerminalFileError(
            [f"{file}, line {line}: not UTF-8 text: save it as UTF-8"]
        ) from error
    rows = _csv_rows(text, file) if _is_csv(text, file) else _json_rows(text, file)
    listed: dict[str, Listed] = {}
    problems: list[str] = []
    for place, row in rows:
        if wrong := _problem(row):
            problems.append(f"{place}: {wrong}")
            continue
        one = _listed(row, place)
        if one.name in listed:
            problems.append(
                f"{place}: terminal {one.name!r} is listed twice, first in "
                f"{listed[one.name].place}: keep one"
            )
        listed.setdefault(one.name, one)
    if len(problems) > MOST_PROBLEMS:
        more = len(problems) - MOST_PROBLEMS
        problems[MOST_PROBLEMS:] = [f"{file}: and {more} problems more"]
    if problems:
        raise TerminalFileError(problems)
    return list(listed.values())


def _is_csv(text: str, file: str) -> bool:
    if file == STANDARD_INPUT:
        return not text.lstrip().startswith("[")
    return file.lower().endswith(".csv")


def _csv_rows(text: str, file: str) -> Iterator[tuple[str, Row]]:
    # Not splitlines(), which ends lines at characters that a value may hold.
    reader = csv.DictReader((line + "\n" for line in text.split("\n")), strict=True)
    try:
        names = reader.fieldnames or ()
        if "name" not in names or not set(names) <= set(FIELDS) or len(set(names)) < len(names):
            raise TerminalFileError(
                [f"{file}, line 1: the header must be some of {','.join(FIELDS)}, with name"]
            )
        for row in reader:
            place = f"{file}, line {reader.line_num}"
            if None in row or None in row.values():
                count = len(names)
                raise TerminalFileError(
                    [f"{place}: not as many values as the header has names ({count})"]
                )
            yield place, {name: value or None for name, value in row.items()}
    except csv.Error as error:
        line = reader.reader.line_num
        raise TerminalFileError([f"{file}, line {line}: not CSV: {error}"]) from error


def _json_rows(text: str, file: str) -> Iterator[tuple[str, Row]]:
    """Decodes the list's items one by one, to know the line of each."""
    decoder, at, lines = json.JSONDecoder(), _skip(text, 0), _Lines(text)
    if text[at : at + 1] != "[":
        raise TerminalFileError(
            [f"{file}, line 1: not a JSON list of terminals (a file of CSV must be called .csv)"]
        )
    try:
        if text[_skip(text, at + 1) :][:1] == "]":
            return
        while text[at : at + 1] in ("[", ","):
            at = _skip(text, at + 1)
            place = f"{file}, line {lines.at(at)}"
            row, end = decoder.raw_decode(text, at)
            if not isinstance(row, dict):
                raise TerminalFileError(
                    [f'{place}: not a JSON object such as {{"name": "SHIP-7"}}']
                )
            yield place, row
            at = _skip(text, end)
    except (json.JSONDecodeError, RecursionError) as error:
        line, said = (
            (error.lineno, error.msg)
            if isinstance(error, json.JSONDecodeError)
            else (lines.at(at), "nested too deeply")
        )
        raise TerminalFileError([f"{file}, line {line}: not JSON: {said}"]) from error
    if text[at : at + 1] != "]" or text[at + 1 :].strip():
        line = lines.at(at)
        raise TerminalFileError([f"{file}, line {line}: not JSON: , or the list's end expected"])


class _Lines:
    """Numbers of lines, asked for in order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at, self._line = 0, 1

    def at(self, place: int) -> int:
        self._line += self._text.count("\n", self._at, place)
        self._at = place
        return self._line


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _problem(row: Row) -> str | None:
    """What is wrong with a row. Never shows a token."""
    for field, value in row.items():
        if field not in FIELDS:
            return f"{field!r} is none of {', '.join(FIELDS)}"
        if value is not None and (not isinstance(value, str) or not value):
            return f"{field} must be a text that is not empty"
    name, kind, terminal_class, token = (_text(row, field) for field in FIELDS)
    if name is None:
        return "name is missing"
    if not is_terminal_name(name):
        return f"{name!r} is not 3 to 32 of A-Z a-z 0-9 _ -"
    if kind is not None and kind not in KINDS:
        return f"kind {kind!r} is none of {', '.join(KINDS)}"
    if terminal_class is not None and len(terminal_class) > LONGEST_CLASS:
        return f"the class has more than {LONGEST_CLASS} characters"
    if token is not None and (wrong := token_problem(token)):
        return f"{wrong}: choose another (`dipper terminals token` makes one)"
    return None


def _listed(row: Row, place: str) -> Listed:
    name, kind, terminal_class, token = (_text(row, field) for field in FIELDS)
    return Listed(name or "", kind, terminal_class, token, "token" in row, place)


def _text(row: Row, field: str) -> str | None:
    value = row.get(field)
    return value if isinstance(value, str) else None
