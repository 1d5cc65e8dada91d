"""Bringing the database to the schema that this Dipper needs: numbered SQL files, each once.

A file ``schemas/sql/NNNN_name.sql`` may begin with lines ``-- requires: …``. Where the server
has not what it requires the file is recorded as skipped, and applied by a later run once the
server has it.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import asyncpg

from services.runtime.database import (
    DatabaseError,
    DatabaseUnavailableError,
    connect,
    explain,
    explained,
)
from services.runtime.settings import SettingsError, load_settings
from services.tools.local_database import database_of
from services.tools.policies import apply_policies

FILE_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
REQUIRES = re.compile(r"^-- requires: *(.+?) *$", re.MULTILINE)
LOCK_KEY = 0x646970706572
"""The advisory lock that keeps two runs apart: the letters of dipper."""
LOCK_TIMEOUT_S = 60

HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz,
    skipped    text
)
"""
RECORD = """
INSERT INTO schema_migrations (version, name, checksum, applied_at, skipped)
VALUES ($1, $2, $3, CASE WHEN $4::text IS NULL THEN now() END, $4)
ON CONFLICT (version) DO UPDATE
SET name = excluded.name, checksum = excluded.checksum, applied_at = excluded.applied_at,
    skipped = excluded.skipped
"""

CONDITIONS = {
    # Which libraries are preloaded is not for everyone to read. This setting is there only if
    # TimescaleDB's is one of them.
    "extension timescaledb": """
        SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
           AND EXISTS (
               SELECT FROM pg_settings
               WHERE name = 'timescaledb.max_background_workers' AND context = 'postmaster')
            OR EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
    """,
    # 2.18 brought the columnstore under this name.
    "timescaledb community": """
        SELECT coalesce(current_setting('timescaledb.license', true) = 'timescale', false)
           AND EXISTS (
               SELECT FROM pg_extension
               WHERE extname = 'timescaledb'
                 AND regexp_split_to_array(substring(extversion FROM '^[0-9]+[.][0-9]+'), '[.]')
                     ::integer[] >= '{2,18}')
    """,
}
"""What a migration may require, and how the server says whether it has it."""


class Migration(NamedTuple):
    """One numbered file."""

    version: int
    name: str
    sql: str
    requires: tuple[str, ...]

    @property
    def checksum(self) -> str:
        """Changes with every character of the file."""
        return blake2b(self.sql.encode(), digest_size=16).hexdigest()

    @property
    def title(self) -> str:
        """As the file is called."""
        return f"{self.version:04d}_{self.name}"


class Migrated(NamedTuple):
    """What a run has done: titles of files."""

    applied: tuple[str, ...]
    skipped: tuple[str, ...]
    """Not applied so far, because the server lacks what they require."""


def parse_migration(file_name: str, sql: str) -> Migration:
    """The migration of such a file. Raises DatabaseError for a name or a requirement that is
    none."""
    match = FILE_NAME.fullmatch(file_name)
    if match is None:
        raise DatabaseError(f"{file_name} is no migration: it should be called NNNN_name.sql")
    requires = tuple(REQUIRES.findall(sql))
    for requirement in requires:
        if requirement not in CONDITIONS:
            raise DatabaseError(f"{file_name} requires {requirement!r}, which nothing can check")
    return Migration(int(match[1]), match[2], sql, requires)


def load_migrations() -> list[Migration]:
    """The migrations of this Dipper, in order."""
    directory = files("schemas") / "sql"
    found = [
        parse_migration(entry.name, entry.read_text(encoding="utf-8"))
        for entry in directory.iterdir()
        if entry.name.endswith(".sql")
    ]
    return sorted(found)


async def migrate(dsn: str, migrations: Sequence[Migration] | None = None) -> Migrated:
    """Apply what is missing, each file in a transaction of its own; safe to run at any time.

    Raises DatabaseError if the schema is newer than this Dipper, if a file was changed after it
    was applied, or if a statement fails (then that file has changed nothing), and
    DatabaseUnavailableError.
    """
    wanted = load_migrations() if migrations is None else migrations
    async with _alone(dsn) as connection:
        await connection.execute(HISTORY)
        return await _apply_missing(connection, wanted)


@asynccontextmanager
async def _alone(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that no other run of this command has beside it."""
    async with connect(dsn) as connection:
        with explained():
            await connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'")
            # Ends with the connection.
            await connection.execute(f"SELECT pg_advisory_lock({LOCK_KEY})")
            yield connection


async def _apply_missing(connection: asyncpg.Connection, wanted: Sequence[Migration]) -> Migrated:
    history = await connection.fetch(
        "SELECT version, name, checksum, applied_at IS NOT NULL AS applied FROM schema_migrations"
    )
    done = {row["version"]: row["checksum"] for row in history if row["applied"]}
    _check(wanted, {row["version"]: row["name"] for row in history}, done)
    applied: list[str] = []
    skipped: list[str] = []
    for migration in wanted:
        if migration.version in done:
            continue
        lacking = await _lacking(connection, migration)
        await _apply(connection, migration, lacking)
        (applied if lacking is None else skipped).append(migration.title)
    return Migrated(tuple(applied), tuple(skipped))


def _check(wanted: Sequence[Migration], names: dict[int, str], done: dict[int, str]) -> None:
    newest = max((migration.version for migration in wanted), default=0)
    beyond = max(names, default=0)
    if beyond > newest:
        raise DatabaseError(
            f"the database has schema {beyond:04d}_{names[beyond]}, and this Dipper knows it up to "
            f"{newest:04d}: install the newer Dipper that made it"
        )
    for migration in wanted:
        if done.get(migration.version, migration.checksum) != migration.checksum:
            raise DatabaseError(
                f"{migration.title}.sql is not the file that was applied to this database: undo "
                "the change and put it into a new file"
            )


async def _lacking(connection: asyncpg.Connection, migration: Migration) -> str | None:
    for requirement in migration.requires:
        if not await connection.fetchval(CONDITIONS[requirement]):
            return requirement
    return None


async def _apply(connection: asyncpg.Connection, migration: Migration, lacking: str | None) -> None:
    try:
        async with connection.transaction():
            if lacking is None:
                await connection.execute(migration.sql)
            await connection.execute(
                RECORD, migration.version, migration.name, migration.checksum, lacking
            )
    except asyncpg.PostgresError as error:
        problem = explain(error)
        if isinstance(problem, DatabaseUnavailableError):
            raise problem from error
        raise DatabaseError(f"migration {migration.title} failed: {error}") from error


def run(data_dir: Path) -> int:
    """Migrate the database of DIPPER_DSN, else that below ``data_dir``; the exit code."""
    try:
        done, unkept = asyncio.run(_run(data_dir))
    except (DatabaseError, SettingsError) as error:
        print(f"dipper: {error}", file=sys.stderr)
        return 1
    for title in done.applied:
        print(f"applied {title}", file=sys.stderr)
    for title in done.skipped:
        print(f"skipped {title}: the server has not what it requires", file=sys.stderr)
    if not done.applied:
        print("the tables are up to date", file=sys.stderr)
    for promise in unkept:
        print(f"dipper: {promise}", file=sys.stderr)
    return 0


async def _run(data_dir: Path) -> tuple[Migrated, list[str]]:
    settings = load_settings()
    async with database_of(data_dir, create=True) as dsn:
        done = await migrate(dsn)
        async with _alone(dsn) as connection:
            return done, await apply_policies(connection, settings)
