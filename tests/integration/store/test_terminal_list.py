"""The table of terminals says what the list says."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.log.base import TERMINAL, Entry, TopicSpec
from services.log.memory import MemoryLog
from services.store.terminal_list import TerminalList, write_list
from services.terminals.records import Terminal, encode_terminal

TRUCK = Terminal("TRUCK-1", "vehicle", "heavy")
SHIP = Terminal("SHIP-1", "ship")


@pytest.fixture
async def connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(dsn)
    yield opened
    await opened.close()


async def rows(connection: asyncpg.Connection) -> list[tuple[object, ...]]:
    found = await connection.fetch("SELECT name, kind, class, listed FROM terminals ORDER BY name")
    return [tuple(row) for row in found]


async def test_listed_terminals_get_their_kind_and_class_whether_they_were_heard_or_not(
    connection: asyncpg.Connection,
) -> None:
    await connection.execute("INSERT INTO terminals (name) VALUES ('TRUCK-1'), ('GHOST-1')")
    before = await connection.fetchval("SELECT id FROM terminals WHERE name = 'TRUCK-1'")
    await write_list(connection, [TRUCK, SHIP])
    assert await rows(connection) == [
        ("GHOST-1", None, None, False),
        ("SHIP-1", "ship", None, True),
        ("TRUCK-1", "vehicle", "heavy", True),
    ]
    assert before == await connection.fetchval("SELECT id FROM terminals WHERE name = 'TRUCK-1'")


async def test_one_that_is_taken_off_keeps_what_it_was(connection: asyncpg.Connection) -> None:
    await write_list(connection, [TRUCK, SHIP])
    await write_list(connection, [SHIP._replace(kind="station")])
    assert await rows(connection) == [
        ("SHIP-1", "station", None, True),
        ("TRUCK-1", "vehicle", "heavy", False),
    ]
    await write_list(connection, [])
    assert [row[-1] for row in await rows(connection)] == [False, False]


async def test_the_same_list_again_writes_no_row_and_uses_up_no_id(
    connection: asyncpg.Connection,
) -> None:
    await write_list(connection, [TRUCK, SHIP])
    versions = await connection.fetch("SELECT xmin FROM terminals ORDER BY name")
    await write_list(connection, [TRUCK, SHIP])
    assert await connection.fetch("SELECT xmin FROM terminals ORDER BY name") == versions
    await write_list(connection, [TRUCK, SHIP, Terminal("NEXT-1")])
    assert await connection.fetchval("SELECT max(id) - min(id) FROM terminals") == 2


async def test_the_table_follows_the_topic(connection: asyncpg.Connection, dsn: str) -> None:
    async with MemoryLog() as log:
        await log.create_topics([TopicSpec(TERMINAL, 1, compacted=True)])
        following = TerminalList(log, dsn)
        await following.refresh()
        assert await rows(connection) == []
        await log.append(TERMINAL, [Entry(b"TRUCK-1", encode_terminal(TRUCK)), Entry(b"x", b"{}")])
        await following.refresh()
        assert await rows(connection) == [("TRUCK-1", "vehicle", "heavy", True)]
        await log.append(TERMINAL, [Entry(b"TRUCK-1", None)])
        await following.refresh()
        assert [row[-1] for row in await rows(connection)] == [False]
