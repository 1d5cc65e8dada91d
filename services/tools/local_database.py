"""Which database a command of an engineer means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.runtime.database import DatabaseError
from services.runtime.embedded_postgres import EmbeddedPostgres, running_dsn
from services.runtime.settings import load_settings

DATABASE_DIRECTORY = "postgres"
"""The embedded database's directory below --data-dir."""


@asynccontextmanager
async def database_of(data_dir: Path, *, create: bool = False) -> AsyncIterator[str]:
    """The address of the database: that of DIPPER_DSN, else the embedded one below ``data_dir``,
    which is started for the purpose if it does not run.

    Raises SettingsError, DatabaseError: also if there is none yet, unless ``create``.
    """
    directory = data_dir / DATABASE_DIRECTORY
    if dsn := load_settings().dsn or running_dsn(directory):
        yield dsn
        return
    if not create and not directory.exists():
        raise DatabaseError(
            f"there is no database in {data_dir}: give --data-dir as for `dipper up`, or DIPPER_DSN"
        )
    async with EmbeddedPostgres(directory) as started:
        yield started
