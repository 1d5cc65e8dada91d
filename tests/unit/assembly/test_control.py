"""A running ``dipper up``, asked by another process for its list of terminals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from services.assembly.control import SOCKET_FILE, control, controlled
from services.log.base import FIX, TERMINAL, Entry, LogError, TopicSpec
from services.log.memory import MemoryLog


@pytest.fixture
async def log() -> AsyncIterator[MemoryLog]:
    async with MemoryLog() as opened:
        await opened.create_topics([TopicSpec(TERMINAL, 1, compacted=True), TopicSpec(FIX, 1)])
        yield opened


async def test_what_is_appended_can_be_read(log: MemoryLog, tmp_path: Path) -> None:
    async with control(tmp_path, log), controlled(tmp_path) as remote:
        assert remote is not None
        await remote.append(TERMINAL, [Entry(b"A-1", b"\x00\xff"), Entry(b"B-1", b"{}")])
        await remote.append(TERMINAL, [Entry(b"B-1", None)])
        assert await remote.read_compacted(TERMINAL) == {b"A-1": b"\x00\xff"}
    assert await log.read_compacted(TERMINAL) == {b"A-1": b"\x00\xff"}


async def test_a_directory_of_any_length_will_do(log: MemoryLog, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120) / ("e" * 120)
    deep.mkdir(parents=True)
    async with control(deep, log), controlled(deep) as remote:
        assert remote is not None
        assert await remote.read_compacted(TERMINAL) == {}


async def test_the_socket_is_for_its_owner_alone_and_gone_afterwards(
    log: MemoryLog, tmp_path: Path
) -> None:
    async with control(tmp_path, log):
        assert (tmp_path / SOCKET_FILE).stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / SOCKET_FILE).exists()


async def test_where_nothing_runs_nothing_answers(log: MemoryLog, tmp_path: Path) -> None:
    async with controlled(tmp_path) as remote:
        assert remote is None
    async with controlled(tmp_path / "none") as remote:
        assert remote is None
    async with control(tmp_path, log):
        (tmp_path / SOCKET_FILE).rename(tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / SOCKET_FILE)
    async with controlled(tmp_path) as remote:
        assert remote is None
    async with control(tmp_path, log), controlled(tmp_path) as remote:
        assert remote is not None


async def test_data_topics_can_not_be_reached(log: MemoryLog, tmp_path: Path) -> None:
    async with control(tmp_path, log), controlled(tmp_path) as remote:
        assert remote is not None
        with pytest.raises(LogError, match="none of the topics"):
            await remote.append(FIX, [Entry(b"A-1", b"{}")])
    assert await log.end_offsets(FIX) == {0: 0}


@pytest.mark.parametrize(
    "request_line",
    [b"junk", b"7", b"{}", b'{"append":"%b"}' % TERMINAL.encode(), b'{"read":[]}', b"\xff"],
)
async def test_what_is_no_request_is_answered_as_such(
    log: MemoryLog, tmp_path: Path, request_line: bytes
) -> None:
    async with control(tmp_path, log):
        reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET_FILE)
        writer.write(request_line + b"\n")
        assert "error" in orjson.loads(await reader.readline())
        writer.close()
