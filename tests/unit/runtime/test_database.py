"""What an error of the database means: wait, give up, or blame one row."""

from __future__ import annotations

import ssl

import asyncpg
import pytest

from services.runtime.database import (
    DatabaseError,
    DatabaseUnavailableError,
    RowError,
    explain,
    explained,
)


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (ConnectionRefusedError(111, "refused"), DatabaseUnavailableError, "refused"),
        (ssl.SSLEOFError(8, "EOF in violation"), DatabaseUnavailableError, "EOF in violation"),
        (ssl.SSLCertVerificationError(1, "self-signed"), DatabaseError, "sslrootcert"),
        (ConnectionError("server rejected SSL upgrade"), DatabaseError, "offers no TLS"),
        (TimeoutError(), DatabaseUnavailableError, "TimeoutError"),
        (asyncpg.InterfaceError("connection is closed"), DatabaseUnavailableError, "closed"),
        (asyncpg.CannotConnectNowError("starting up"), DatabaseUnavailableError, "starting"),
        (asyncpg.AdminShutdownError("terminating"), DatabaseUnavailableError, "terminating"),
        (asyncpg.QueryCanceledError("timeout"), DatabaseUnavailableError, "timeout"),
        (asyncpg.DiskFullError("no space left"), DatabaseUnavailableError, "no space"),
        (asyncpg.DeadlockDetectedError("deadlock"), DatabaseUnavailableError, "deadlock"),
        (asyncpg.LockNotAvailableError("lock timeout"), DatabaseUnavailableError, "lock"),
        (asyncpg.TooManyConnectionsError("too many"), DatabaseUnavailableError, "too many"),
        (asyncpg.ReadOnlySQLTransactionError("replica"), DatabaseUnavailableError, "replica"),
        (asyncpg.NumericValueOutOfRangeError("range"), RowError, "range"),
        (asyncpg.CheckViolationError("check"), RowError, "check"),
        (asyncpg.UniqueViolationError("key"), RowError, "key"),
        (asyncpg.ProgramLimitExceededError("index row"), RowError, "index row"),
        (asyncpg.InvalidPasswordError("password"), DatabaseError, "check the password"),
        (asyncpg.InvalidCatalogNameError("no such"), DatabaseError, "createdb"),
        (asyncpg.InsufficientPrivilegeError("denied"), DatabaseError, "grant"),
        (asyncpg.UndefinedTableError("no table"), DatabaseError, "dipper migrate"),
        (asyncpg.PostgresSyntaxError("syntax"), DatabaseError, "refuses: syntax"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_is_explained(error: Exception, kind: type[Exception], says: str) -> None:
    found = explain(error)
    assert type(found) is kind
    assert says in str(found)
    assert "\n" not in str(found)


def test_inside_the_block_errors_change_and_others_pass() -> None:
    with pytest.raises(RowError), explained():
        raise asyncpg.NotNullViolationError("null")
    with pytest.raises(DatabaseUnavailableError), explained():
        raise ConnectionResetError
    with pytest.raises(KeyError), explained():
        raise KeyError


async def test_an_address_that_is_none_is_said_to_be_none() -> None:
    with pytest.raises(DatabaseError, match="address can't be used"), explained():
        await asyncpg.connect("nonsense")
