"""What is written in SQL, in the dashboard *Tracks* and in runbooks, works on the real tables."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from deploy.monitoring.files import DASHBOARDS, REPOSITORY
from services.assembly.watch import count_chunks
from services.runtime.embedded_postgres import EmbeddedPostgres
from services.tools.migrate import migrate

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
SINCE, UNTIL = START - timedelta(hours=1), START + timedelta(hours=5)
MACROS = {
    r"\$__timeFilter\(([\w.]+)\)": rf"\1 BETWEEN '{SINCE:%FT%TZ}' AND '{UNTIL:%FT%TZ}'",
    r"\$__timeFrom\(\)": f"'{SINCE:%FT%TZ}'",
    r"\$__timeTo\(\)": f"'{UNTIL:%FT%TZ}'",
    r"\$__interval_ms": "60000",
    r"\$\{terminal:sqlstring\}": "'TRUCK-7','SHIP-1'",
}
"""As Grafana's data source for PostgreSQL replaces them."""

FLEET = """
INSERT INTO terminals (name, kind)
VALUES ('TRUCK-7', 'vehicle'), ('SHIP-1', 'ship'), ('OTHER', NULL);
INSERT INTO positions (time, lat, lon, terminal_id, speed_kmh, fix, late, zones)
SELECT '2026-03-01 08:00Z'::timestamptz + minute * INTERVAL '1 minute',
       27 + minute / 600.0, 120 + terminal_id, terminal_id, 11.1, 1, false,
       CASE WHEN minute BETWEEN 30 AND 89 THEN ARRAY['storm'] END
FROM generate_series(0, 179) AS minute, generate_series(1, 3) AS terminal_id;
INSERT INTO latest_position SELECT DISTINCT ON (terminal_id) * FROM positions
ORDER BY terminal_id, time DESC;
INSERT INTO zone_events (id, time, lat, lon, terminal_id, zone, zone_version, kind)
SELECT gen_random_uuid(), '2026-03-01 08:30Z', 27, 121, terminal_id, 'storm', '1', 'enter'
FROM generate_series(1, 3) AS terminal_id;
"""
"""Three hours of three terminals, an hour of it in a zone."""


def expanded(sql: str) -> str:
    for macro, text in MACROS.items():
        sql = re.sub(macro, text, sql)
    assert "$" not in sql, sql
    return sql


def queries() -> dict[str, str]:
    board = json.loads((DASHBOARDS / "tracks.json").read_text())
    return {
        panel["title"]: panel["targets"][0]["rawSql"]
        for panel in board["panels"]
        if panel["type"] != "row"
    }


def commands() -> list[str]:
    """SQL of the runbooks' psql commands."""
    return [
        sql
        for page in sorted((REPOSITORY / "docs/runbooks").glob("*.md"))
        for sql in re.findall(r'^psql "\$DIPPER_DSN" -c "(.*)"$', page.read_text(), re.MULTILINE)
    ]


@pytest.fixture(params=["postgresql", "timescaledb"])
async def database(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[asyncpg.Connection]:
    """A database with Dipper's tables and a small fleet, without and with TimescaleDB."""
    if request.param == "postgresql":
        async with EmbeddedPostgres(tmp_path / "postgres") as dsn:
            async for connection in _with_fleet(dsn):
                yield connection
        return
    server = request.getfixturevalue("timescaledb_dsn")
    name = f"monitoring_{uuid.uuid4().hex[:8]}"
    admin = await asyncpg.connect(server)
    await admin.execute(f"CREATE DATABASE {name}")
    async for connection in _with_fleet(urlunsplit(urlsplit(server)._replace(path="/" + name))):
        yield connection
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def _with_fleet(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    await migrate(dsn)
    connection = await asyncpg.connect(dsn)
    await connection.execute(FLEET)
    yield connection
    await connection.close()


async def test_dashboard_and_runbooks_ask_what_the_database_can_answer(
    database: asyncpg.Connection,
) -> None:
    await check_choice_of_terminals(database)
    await check_panels(database)
    has_chunks = await database.fetchval("SELECT to_regclass('timescaledb_information.chunks')")
    assert await count_chunks(database) == (1 if has_chunks else 0)
    assert len(commands()) >= 6
    for sql in commands():
        await database.fetch(sql)


async def check_choice_of_terminals(database: asyncpg.Connection) -> None:
    board = json.loads((DASHBOARDS / "tracks.json").read_text())
    (variable,) = board["templating"]["list"]
    found = [row[0] for row in await database.fetch(variable["query"])]
    assert found == ["OTHER", "SHIP-1", "TRUCK-7"]


async def check_panels(database: asyncpg.Connection) -> None:
    shown: dict[str, list[dict[str, Any]]] = {}
    for title, sql in queries().items():
        shown[title] = [dict(row) for row in await database.fetch(expanded(sql))]
        assert shown[title], title
    # A position a minute of the two chosen ones, and none of the third.
    assert len(shown["Tracks"]) == 2 * 180
    assert {row["terminal"] for row in shown["Newest positions"]} == {"TRUCK-7", "SHIP-1"}
    # 179 steps of 1/600 of a degree of latitude.
    for row in shown["Mileage"]:
        assert row["distance_m"] == pytest.approx(179 / 600 * 111_195, rel=1e-3)
        assert row["fixes"] == 180
    by_hour = sum(row["distance"] for row in shown["Mileage by hour"])
    assert by_hour == pytest.approx(sum(row["distance_m"] for row in shown["Mileage"]))
    for row in shown["Time in hazard zones"]:
        assert row["hazard_seconds"] == pytest.approx(3_600, abs=1)
    assert shown["Time by zone"] == [
        {"zone": "storm", "seconds": pytest.approx(7_200, abs=1), "terminals": 2}
    ]
    assert len(shown["Comings and goings"]) == 2
    sizes = {row["table"]: row["bytes"] for row in shown["Size of tables"]}
    assert sizes["positions"] > 50_000 > sizes["tallies"]
