"""``dipper terminals``: files onto the list and terminals off it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rich.console import Console

from services.log.base import TERMINAL, TopicSpec
from services.log.memory import MemoryLog
from services.terminals.files import TerminalFileError
from services.terminals.records import Terminal
from services.terminals.tokens import token_fits, token_problem
from services.tools.terminals import (
    new_token,
    publish_terminals,
    read_list,
    read_terminal_files,
    remove_terminals,
    short_tokens,
    terminal_table,
    told,
)

CSV = "name,kind,class,token\nTRUCK-1,vehicle,heavy,k7Gf2xQz9Lp4vB8nM1sW\nSHIP-1,ship,,\n"


@pytest.fixture
async def log() -> AsyncIterator[MemoryLog]:
    async with MemoryLog() as opened:
        await opened.create_topics([TopicSpec(TERMINAL, 1, compacted=True)])
        yield opened


def file(tmp_path: Path, content: str, name: str = "t.csv") -> str:
    place = tmp_path / name
    place.write_text(content)
    return str(place)


async def load(log: MemoryLog, path: str, *, replace: bool = False) -> str:
    return told(
        await publish_terminals(log, read_terminal_files([path]), replace=replace), replace=replace
    )


async def test_a_file_comes_onto_the_list_with_hashed_tokens(
    log: MemoryLog, tmp_path: Path
) -> None:
    said = await load(log, file(tmp_path, CSV))
    assert said == "terminals: 2 added, 0 changed, 0 as they were"
    listed = await read_list(log)
    assert listed["SHIP-1"] == Terminal("SHIP-1", "ship")
    kept = listed["TRUCK-1"].token
    assert kept is not None
    assert token_fits("k7Gf2xQz9Lp4vB8nM1sW", kept)
    for value in (await log.read_compacted(TERMINAL)).values():
        assert b"k7Gf2" not in value


async def test_the_same_file_again_writes_nothing(log: MemoryLog, tmp_path: Path) -> None:
    place = file(tmp_path, CSV)
    await load(log, place)
    before = await log.end_offsets(TERMINAL)
    assert await load(log, place) == "terminals: 0 added, 0 changed, 2 as they were"
    assert await log.end_offsets(TERMINAL) == before


async def test_a_load_adds_and_a_replacement_takes_off(log: MemoryLog, tmp_path: Path) -> None:
    await load(log, file(tmp_path, CSV))
    other = file(tmp_path, "name\nSHIP-2\n", "other.csv")
    await load(log, other)
    assert set(await read_list(log)) == {"TRUCK-1", "SHIP-1", "SHIP-2"}
    said = await load(log, other, replace=True)
    assert said == "terminals: 0 added, 0 changed, 2 removed, 1 as they were"
    assert set(await read_list(log)) == {"SHIP-2"}


async def test_terminals_are_taken_off_all_or_none(log: MemoryLog, tmp_path: Path) -> None:
    await load(log, file(tmp_path, CSV))
    assert await remove_terminals(log, ["SHIP-1", "GHOST-1"]) == ["GHOST-1"]
    assert set(await read_list(log)) == {"TRUCK-1", "SHIP-1"}
    assert await remove_terminals(log, ["SHIP-1", "SHIP-1"]) == []
    assert set(await read_list(log)) == {"TRUCK-1"}


def test_problems_of_all_files_are_told_together(tmp_path: Path) -> None:
    files = [
        file(tmp_path, "name\nA-1\n", "a.csv"),
        file(tmp_path, "name\nA-1\nB 1\n", "b.csv"),
        file(tmp_path, "name\nA-1\n", "c.csv"),
        file(tmp_path, "name\n", "empty.csv"),
        str(tmp_path / "none.csv"),
    ]
    with pytest.raises(TerminalFileError) as caught:
        read_terminal_files(files)
    told_parts = ["b.csv, line 3", "c.csv, line 2: terminal 'A-1' is listed twice", "empty.csv"]
    for part in [*told_parts, "none.csv: can't be read: No such file"]:
        assert part in str(caught.value)


def test_standard_input_is_a_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(CSV.encode()))
    monkeypatch.setattr("sys.stdin", stream)
    assert [one.name for one in read_terminal_files(["-"])] == ["TRUCK-1", "SHIP-1"]


def test_short_tokens_are_warned_of_and_not_shown(tmp_path: Path) -> None:
    assert short_tokens(read_terminal_files([file(tmp_path, CSV)])) is None
    warning = short_tokens(read_terminal_files([file(tmp_path, "name,token\nA-1,hush\n")]))
    assert warning is not None
    assert warning.startswith("1 of the tokens")
    assert "hush" not in warning


def test_new_tokens_differ_and_can_be_used() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) == 32 and token_problem(token) is None for token in tokens)


async def test_the_table_shows_that_there_is_a_token_and_nothing_of_it(
    log: MemoryLog, tmp_path: Path
) -> None:
    await load(log, file(tmp_path, CSV.replace("heavy", "[bold]")))
    listed = await read_list(log)
    out = Console(width=200, record=True, file=io.StringIO())
    out.print(terminal_table(listed))
    shown = out.export_text()
    assert "[bold]" in shown
    token = listed["TRUCK-1"].token
    assert token is not None
    assert token.digest.hex()[:8] not in shown
