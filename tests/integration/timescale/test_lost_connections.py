"""A connection that breaks in mid-statement: the batch is stored or it is not, and the next try of
the same batch finds out which."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from services.log.base import ENRICHED, Batch
from services.runtime.database import DatabaseUnavailableError
from services.store.writer import Fenced, StoreWriter, open_store
from services.tools.migrate import migrate
from tests.faults.cluster import is_commit
from tests.faults.proxy import Proxy
from tests.integration.store.records import batch, fix, fix_batch

ROWS = 2_000


@pytest.fixture
async def proxy(apache_dsn: str) -> AsyncIterator[Proxy]:
    """Before a database with Dipper's tables."""
    await migrate(apache_dsn)
    address = urlsplit(apache_dsn)
    async with Proxy((address.hostname or "", address.port or 0)) as proxy:
        yield proxy


@pytest.fixture
async def writer(apache_dsn: str, proxy: Proxy) -> AsyncIterator[StoreWriter]:
    """A store behind the proxy, that knows its statement already."""
    address = urlsplit(apache_dsn)
    user = f"{address.username}@" if address.username else ""
    host, port = proxy.address
    async with await open_store(
        urlunsplit(address._replace(netloc=f"{user}{host}:{port}")), 1, timeout_s=20
    ) as store:
        await store.store(fix_batch([fix(0)]))
        yield store


def large() -> Batch:
    return fix_batch([fix(second) for second in range(1, ROWS + 1)], start=1)


async def stored(dsn: str) -> tuple[int, int, int]:
    """Rows, what the ledger says of them, and the offset."""
    connection = await asyncpg.connect(dsn)
    row = await connection.fetchrow(
        "SELECT (SELECT count(*) FROM positions), (SELECT sum(count) FROM ledger WHERE "
        "name = 'stored'), (SELECT next FROM log_offsets WHERE topic = $1)",
        ENRICHED,
    )
    await connection.close()
    return tuple(map(int, row))  # type: ignore[return-value]


async def test_a_statement_whose_reply_is_lost_is_not_stored_again(
    apache_dsn: str, proxy: Proxy, writer: StoreWriter
) -> None:
    proxy.toxics.lose_reply_to = is_commit
    with pytest.raises(DatabaseUnavailableError):
        await writer.store(large())
    assert proxy.replies_lost == 1
    with pytest.raises(Fenced) as fenced:
        await writer.store(large())
    assert fenced.value.offset == ROWS + 1
    assert await stored(apache_dsn) == (ROWS + 1, ROWS + 1, ROWS + 1)
    after = await writer.store(batch(ENRICHED, [], start=ROWS + 1))
    assert after.duplicate == 0


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.15])
async def test_a_statement_of_which_a_part_arrives_stores_nothing(
    apache_dsn: str, proxy: Proxy, writer: StoreWriter, after_s: float
) -> None:
    proxy.toxics.bytes_per_s = 1_000_000
    storing = asyncio.create_task(writer.store(large()))
    await asyncio.sleep(after_s)
    assert proxy.cut() == 1
    proxy.toxics.bytes_per_s = 0
    with pytest.raises(DatabaseUnavailableError):
        await storing
    assert await stored(apache_dsn) == (1, 1, 1)
    assert (await writer.store(large())).stored == ROWS
    assert await stored(apache_dsn) == (ROWS + 1, ROWS + 1, ROWS + 1)
