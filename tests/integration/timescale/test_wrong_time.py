"""What docs/data-model.md says to do about a fix with a time far in the future."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from services.tools.migrate import migrate
from tests.integration.timescale.fleet import query, store
from tests.integration.timescale.tracks import Point

PAGE = Path(__file__).parents[3] / "docs/data-model.md"
LATEST = "SELECT terminal, time FROM latest_fixes ORDER BY terminal"
GOOD = datetime(2026, 3, 1, tzinfo=UTC)
WRONG = datetime(2106, 3, 1, tzinfo=UTC)


def recipe() -> list[str]:
    """The statement that finds the fixes, and those that put it right."""
    text = PAGE.read_text().partition("**A wrong time in the future.**")[2]
    match = re.search(r"```sql\n(.*?)\n\n(.*?)```", text, re.DOTALL)
    assert match is not None
    return [match[1], match[2]]


async def test_the_recipe_brings_back_the_newest_fix_with_a_right_time(any_dsn: str) -> None:
    await migrate(any_dsn)
    found, put_right = recipe()
    times = {"A": [GOOD, WRONG], "B": [WRONG], "C": [GOOD]}
    points = [
        Point(name, time, 1.0, 1.0, None, ()) for name, several in times.items() for time in several
    ]
    await store(any_dsn, points)
    assert [row["terminal"] for row in await query(any_dsn, found)] == ["A", "B"]
    connection = await asyncpg.connect(any_dsn)
    await connection.execute(put_right)
    await connection.close()
    assert [tuple(row) for row in await query(any_dsn, LATEST)] == [("A", GOOD), ("C", GOOD)]
    assert await query(any_dsn, found) == []
