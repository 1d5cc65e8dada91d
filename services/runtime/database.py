"""Connections to PostgreSQL, and what its errors mean: wait, give up, or blame one row."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg

CONNECT_TIMEOUT_S = 10.0
STALLED_TRANSACTION_S = 15
"""A session that holds locks and says nothing for so long is ended by the server: its process
may be stopped, and its successor waits for the locks."""

PASSING_STATES = ("08", "40", "53", "57", "58", "55P03", "25P03", "25P04", "25006")
"""SQLSTATEs of the moment: connection, deadlock, overload or full disk, shutdown or time limit,
system; a lock not had, a stalled transaction ended, a server that has become a replica."""
ROW_STATES = ("22", "23", "54")
"""SQLSTATEs that a value is to blame for: data exception, integrity constraint, program limit
(an index row too long)."""

ADVICE = {
    "3D000": "create it with createdb",
    "28P01": "check the password in the address",
    "28000": "check the user in the address",
    "42501": "grant the user that right",
    "42P01": "run `dipper migrate`",
    "42703": "run `dipper migrate`",
}
"""By SQLSTATE, what helps."""


class DatabaseError(Exception):
    """The database can't do what was asked; the text is one sentence that says why."""


class DatabaseUnavailableError(DatabaseError):
    """The database does not answer or can't now; the same call may work later."""


class RowError(DatabaseError):
    """The database refuses a value: no later try will change that."""


def explain(error: Exception) -> DatabaseError:
    """An error of asyncpg or of the system as one of ours, with what helps."""
    text = " ".join(str(error).split()) or type(error).__name__
    state: str | None = getattr(error, "sqlstate", None)
    if isinstance(error, ssl.SSLCertVerificationError):
        why = getattr(error, "verify_message", text)
        return DatabaseError(
            f"the database's certificate is not believed: {why}; sslrootcert in its address names "
            "the file of the authority"
        )
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in text:
        return DatabaseError("the database offers no TLS, and its address asks for it (sslmode)")
    if state is None:
        if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
            return DatabaseError(f"the database's address can't be used: {text}")
        return DatabaseUnavailableError(f"the database does not answer: {text}")
    if state.startswith(PASSING_STATES):
        return DatabaseUnavailableError(f"the database can't now: {text}")
    if state.startswith(ROW_STATES):
        return RowError(text)
    advice = ADVICE.get(state)
    return DatabaseError(f"the database refuses: {text}" + (f" ({advice})" if advice else ""))


@contextmanager
def explained() -> Iterator[None]:
    """Errors of asyncpg and of the system inside the block leave it as a DatabaseError."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise explain(error) from error
    except OSError as error:
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


async def open_pool(
    dsn: str,
    connections: int,
    timeout_s: float,
    prepare: Callable[[asyncpg.Connection], Awaitable[None]] | None = None,
) -> asyncpg.Pool:
    """A pool whose statements take at most ``timeout_s`` seconds each.

    ``prepare`` runs once on each new connection. Raises DatabaseError,
    DatabaseUnavailableError.
    """
    settings: dict[str, Any] = {
        "application_name": "dipper",
        "jit": "off",
        "statement_timeout": f"{timeout_s * 1000:.0f}",
        "idle_in_transaction_session_timeout": f"{STALLED_TRANSACTION_S}s",
    }
    with explained():
        return await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=connections,
            # Above the server's own limit, which gives the better message.
            command_timeout=timeout_s + 1,
            timeout=CONNECT_TIMEOUT_S,
            init=prepare,
            reset=_leave_as_it_is,
            server_settings=settings,
        )


async def _leave_as_it_is(connection: asyncpg.Connection) -> None:
    """Instead of asyncpg's RESET ALL and so on after each use: nobody here changes a session,
    and the server's time for it is felt with small batches."""
