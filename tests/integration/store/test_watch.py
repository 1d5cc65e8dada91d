"""The slow look into the database that the metrics of ledger and chunks come from."""

from __future__ import annotations

import asyncio
import math

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from services.assembly import watch
from services.assembly.watch import look, watched
from services.runtime.database import DatabaseUnavailableError
from services.store.metrics import LedgerMetrics
from services.tools.ledger import read_ledger

NOW = 1_790_000_000.0
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


class Shown:
    """What /metrics would say."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.metrics = LedgerMetrics(self._registry)

    def value(self, name: str, **labels: str) -> float | None:
        return self._registry.get_sample_value(f"dipper_{name}", labels)


async def account(database: asyncpg.Connection, stored: int) -> None:
    """The store is at 10 fixes of a partition; so many of them became rows."""
    await database.execute(
        "INSERT INTO log_offsets VALUES ('telematics.fix.v1', 0, 10), "
        "('telematics.enriched.v1', 0, 10)"
    )
    await database.execute(
        "INSERT INTO ledger (run, topic, partition, name, count) "
        "VALUES ('', 'telematics.enriched.v1', 0, 'stored', $1), "
        "('', 'telematics.enriched.v1', 0, 'dead_lettered/undecodable', 1)",
        stored,
    )


@pytest.mark.parametrize(("stored", "balanced"), [(9, 1), (7, 0)])
async def test_the_metrics_say_what_the_ledger_says(
    dsn: str, database: asyncpg.Connection, stored: int, balanced: int
) -> None:
    await account(database, stored)
    shown, ledger = Shown(), await read_ledger(database)
    await look(dsn, shown.metrics, lambda: NOW)
    assert ledger.balanced is bool(balanced)
    assert shown.value("ledger_balanced") == balanced
    assert shown.value("ledger_problems") == len(ledger.problems)
    assert shown.value("ledger_records", flow="fixes", state="published") == 10
    assert shown.value("ledger_records", flow="fixes", state="stored") == stored
    assert shown.value("ledger_records", flow="fixes", state="dead_lettered") == 1
    assert shown.value("ledger_records", flow="events", state="in_flight") is None
    assert shown.value("ledger_lines", state="used") == 0
    assert shown.value("ledger_checked_timestamp_seconds") == NOW


async def test_without_timescaledb_there_are_no_chunks(dsn: str) -> None:
    shown = Shown()
    await look(dsn, shown.metrics, lambda: NOW)
    assert shown.value("chunks") == 0


async def test_a_database_that_is_away_leaves_the_figures_and_their_age() -> None:
    shown = Shown()
    with pytest.raises(DatabaseUnavailableError):
        await look(NOWHERE, shown.metrics, lambda: NOW)
    assert shown.value("ledger_checked_timestamp_seconds") == 0


def test_before_the_first_look_the_ledger_is_neither_balanced_nor_not() -> None:
    value = Shown().value("ledger_balanced")
    assert value is not None
    assert math.isnan(value)


async def test_watching_goes_on_after_the_database_was_away(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = asyncio.Event()
    places = iter([NOWHERE, dsn])

    async def look_there(_: str, metrics: LedgerMetrics, clock: object) -> None:
        await look(next(places), metrics, lambda: NOW)
        looked.set()

    monkeypatch.setattr(watch, "look", look_there)
    shown = Shown()
    async with asyncio.timeout(10), watched("", shown.metrics, 0.0001, lambda: 1.0):
        await looked.wait()
    assert shown.value("ledger_checked_timestamp_seconds") == NOW


async def test_a_bug_in_the_look_is_told_and_ends_no_service(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(watch, "look", fail)
    async with asyncio.timeout(10), watched("", Shown().metrics, 60.0, lambda: NOW):
        while "no longer looked at" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0)
