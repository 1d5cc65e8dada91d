"""Connections to PostgreSQL, and what its errors mean: wait, give up, or blame one row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg

CONNECT_TIMEOUT_S = 10.0
STALLED_TRANSACTION_S = 15
"""A session that holds locks and says nothing for so long is ended by the server: its process
may be stopped, and its successor waits for the locks."""


class DatabaseError(Exception):
    """The database can't do what was asked; the text is one sentence that says why."""


class DatabaseUnavailableError(DatabaseError):
    """The database does not answer or can't now; the same call may work later."""


class RowError(DatabaseError):
    """The database refuses a value: no later try will change that."""


PASSING = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
    asyncpg.InternalClientError,
)
"""Errors of the moment: connection, shutdown, overload, full disk, deadlock, time limit."""

ROW_ERRORS = (
    asyncpg.DataError,
    asyncpg.exceptions.PostgresError,
)

ROW_CLASSES = ("22", "23", "54")
"""SQLSTATE classes: data exception, integrity constraint, program limit (an index row too long)."""

ADVICE = {
    "3D000": "create it with createdb",
    "28P01": "check the password in the address",
    "28000": "check the user in the address",
    "42501": "grant the user that right",
    "42P01": "run `dipper migrate`",
    "42703": "run `dipper migrate`",
}
"""By SQLSTATE, what helps."""


def explain(error: Exception) -> DatabaseError:
    """The error of asyncpg or the system as one of ours, with what helps."""
    text = str(error) or type(error).__name__
    state = getattr(error, "sqlstate", None) or ""
    if isinstance(error, PASSING) or state == "53100":
        return DatabaseUnavailableError(f"the database can't now: {text}")
    # asyncpg raises its own DataError, without a state, for a value that it can't encode.
    if state[:2] in ROW_CLASSES or (isinstance(error, ValueError | OverflowError) and not state):
        return RowError(text)
    if isinstance(error, asyncpg.InterfaceError):
        return DatabaseUnavailableError(f"the database can't now: {text}")
    advice = ADVICE.get(state)
    return DatabaseError(f"the database refuses: {text}" + (f": {advice}" if advice else ""))


@contextmanager
def explained() -> Iterator[None]:
    """Errors of asyncpg and the system inside the block leave it as a DatabaseError."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        raise explain(error) from error


@asynccontextmanager
async def connect(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """One connection for a tool. Raises DatabaseError, DatabaseUnavailableError."""
    with explained():
        connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
    try:
        yield connection
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)


async def open_pool(dsn: str, connections: int, timeout_s: float, **options: Any) -> asyncpg.Pool:
    """A pool whose statements each take at most ``timeout_s`` seconds.

    ``options`` go to asyncpg.create_pool. Raises DatabaseError, DatabaseUnavailableError.
    """
    with explained():
        return await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=connections,
            command_timeout=timeout_s,
            timeout=CONNECT_TIMEOUT_S,
            server_settings={
                "application_name": "dipper",
                "jit": "off",
                "statement_timeout": f"{timeout_s * 1000:.0f}",
                "idle_in_transaction_session_timeout": f"{STALLED_TRANSACTION_S}s",
            },
            **options,
        )
