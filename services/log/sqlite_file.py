"""The SQLite log's file: how it is opened, its tables, and its errors in plain words."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from services.log.base import LogError

APPLICATION_ID = 0x44504C47
"""``DPLG``: marks a SQLite file as Dipper's log."""
SCHEMA_VERSION = 1
PAGE_BYTES = 16_384
WAL_PAGES = 2_048
"""Pages after which the write-ahead log goes into the file: 32 MiB."""

_SCHEMA = """
CREATE TABLE topics (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    partitions INTEGER NOT NULL,
    compacted INTEGER NOT NULL
);
CREATE TABLE ends (
    topic_id INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    kept_bytes INTEGER NOT NULL,
    PRIMARY KEY (topic_id, partition)
) WITHOUT ROWID;
CREATE TABLE blocks (
    id INTEGER PRIMARY KEY,
    topic_id INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    first_offset INTEGER NOT NULL,
    count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    written_s INTEGER NOT NULL,
    entries BLOB NOT NULL
);
CREATE UNIQUE INDEX blocks_in_order ON blocks (topic_id, partition, first_offset);
CREATE TABLE newest (
    topic_id INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    key BLOB NOT NULL,
    record_offset INTEGER NOT NULL,
    written_s INTEGER NOT NULL,
    value BLOB,
    PRIMARY KEY (topic_id, partition, key)
);
CREATE UNIQUE INDEX newest_in_order ON newest (topic_id, partition, record_offset);
CREATE INDEX newest_tombstones ON newest (written_s) WHERE value IS NULL;
CREATE TABLE group_offsets (
    group_name TEXT NOT NULL,
    topic_id INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    PRIMARY KEY (group_name, topic_id, partition)
) WITHOUT ROWID;
CREATE TABLE groups (
    name TEXT PRIMARY KEY,
    generation INTEGER NOT NULL
) WITHOUT ROWID;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for this process alone, and create it if it is missing.

    WAL with synchronous=FULL: a COMMIT has reached the disk when it returns. Raises LogError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise in_plain_words(error, path) from error
    try:
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit={2 * WAL_PAGES * PAGE_BYTES}")
        _create_or_check(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise in_plain_words(error, path) from error
    except LogError:
        connection.close()
        raise
    return connection


def _create_or_check(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application == 0 and version == 0 and tables == 0:
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    elif application != APPLICATION_ID:
        raise LogError(f"{path} is a SQLite file, but no log of Dipper: name another file")
    elif version != SCHEMA_VERSION:
        raise LogError(
            f"the log {path} has format {version}, this Dipper knows {SCHEMA_VERSION}: "
            "use the Dipper that wrote it, or start with another data directory"
        )
    connection.execute("COMMIT")


def in_plain_words(error: Exception, path: Path) -> LogError:
    """The error of a SQLite call or of the file system as one clear sentence."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    if primary == sqlite3.SQLITE_FULL or _is_full(error, path):
        return LogError(f"the disk of the log {path} is full: free some space and start again")
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LogError(
            f"the log {path} is in use by another process: stop that one, "
            "or name another data directory"
        )
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or isinstance(error, ValueError):
        return LogError(
            f"the log {path} is damaged ({error}): move it away to start with an empty one, "
            "or restore it from a backup"
        )
    if primary in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return LogError(f"the log {path} can't be opened for writing: check its rights ({error})")
    return LogError(f"the log {path} can't be used: {error}")


def _is_full(error: Exception, path: Path) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    if getattr(error, "sqlite_errorname", "").startswith("SQLITE_IOERR"):
        try:
            return os.statvfs(path.parent).f_bavail == 0
        except OSError:
            return False
    return False
