"""What a service needs from others: connected with patience, and checked before it is used."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from services.log.base import (
    ENRICHED,
    FIX,
    ZONE_EVENT,
    ZONE_STATE,
    Log,
    LogError,
    LogUnavailableError,
)
from services.log.kafka import KafkaLog
from services.log.kafka_connection import KafkaSecurity
from services.log.kafka_rights import Rights
from services.runtime.backoff import keep_trying
from services.runtime.database import DatabaseError, DatabaseUnavailableError, connect, explained
from services.runtime.errors import StartError
from services.runtime.http import Check
from services.runtime.settings import Settings, SettingsError
from services.store.writer import StoreWriter, open_store
from services.tools.migrate import load_migrations

logger = logging.getLogger(__name__)

CLOSE_S = 0.5
"""How long letting go of Kafka may take: what was appended is durable by then."""

NO_KAFKA = (
    "no Kafka: set DIPPER_KAFKA_SERVERS, or kafka_servers in dipper.toml, to host:port; "
    "for everything in one process without Kafka use `dipper up`"
)
NO_DATABASE = (
    "no database: set DIPPER_DSN, or dsn in dipper.toml, to postgresql://user@host:port/name"
)
SAME_SIZE = (FIX, ENRICHED, ZONE_EVENT, ZONE_STATE)
"""Enrich answers a fix's partition with the same partition of its outputs."""


class Need:
    """What /readyz asks: before the connection stands it tells why it does not."""

    def __init__(self) -> None:
        self._problem: Exception = ConnectionError("not connected yet")
        self._check: Check | None = None

    def failed(self, problem: Exception) -> None:
        """It could not be had so far."""
        self._problem = problem

    def connected(self, check: Check) -> None:
        """It is there; from now on ``check`` tells."""
        self._check = check

    async def __call__(self) -> None:
        """Raises what is wrong."""
        if self._check is None:
            raise self._problem
        await self._check()


def require(settings: Settings, *, database: bool) -> None:
    """Raises SettingsError for all addresses that lack."""
    problems = [] if settings.kafka_servers else [NO_KAFKA]
    if database and not settings.dsn:
        problems.append(NO_DATABASE)
    if problems:
        raise SettingsError(problems)


def kafka_log(settings: Settings) -> KafkaLog:
    """The log of the settings, not yet open."""
    security = KafkaSecurity(
        protocol=settings.kafka_security_protocol,
        mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_username,
        password=settings.kafka_password,
        ca_file=settings.kafka_ca_file,
        certificate_file=settings.kafka_certificate_file,
        key_file=settings.kafka_key_file,
    )
    return KafkaLog(settings.kafka_servers, security=security, replication=settings.replication)


@asynccontextmanager
async def open_kafka(settings: Settings, rights: Rights, need: Need) -> AsyncIterator[KafkaLog]:
    """The log of the settings, waited for, with the topics and the rights on them that are
    needed; closed in a short time at the end.

    Raises LogError, StartError.
    """
    log = kafka_log(settings)
    await keep_trying(
        log.__aenter__,
        (LogUnavailableError,),
        logger,
        "connecting to Kafka",
        failed=need.failed,
    )
    try:
        await keep_trying(
            lambda: log.check_rights(rights),
            (LogUnavailableError,),
            logger,
            "asking Kafka for our rights",
            failed=need.failed,
        )
        await check_topics(log, sorted(rights.operations()), need)
        need.connected(log.ping)
        yield log
    finally:
        try:
            async with asyncio.timeout(CLOSE_S):
                await log.__aexit__(None, None, None)
        except TimeoutError:
            logger.warning("Kafka did not answer the farewell")


async def check_topics(log: Log, names: Sequence[str], need: Need) -> None:
    """Raises StartError if a topic is missing, or if those of ``SAME_SIZE`` differ in theirs."""

    async def size(name: str) -> int:
        try:
            return await keep_trying(
                lambda: log.partitions(name),
                (LogUnavailableError,),
                logger,
                "looking for topics",
                failed=need.failed,
            )
        except LogError as error:
            logger.debug("%s", error)
            return 0

    sizes = dict(zip(names, await asyncio.gather(*map(size, names)), strict=True))
    missing = [name for name, partitions in sizes.items() if not partitions]
    if missing:
        raise StartError(
            f"Kafka has no topic {', '.join(missing)}, or does not show it to this user: "
            "run `dipper migrate`"
        )
    together = {name: sizes[name] for name in SAME_SIZE if name in sizes}
    if len(set(together.values())) > 1:
        told = ", ".join(f"{name} {partitions}" for name, partitions in together.items())
        raise StartError(
            f"these topics need the same number of partitions, and have: {told}; "
            "bring them to the largest with Kafka's own tools"
        )


@asynccontextmanager
async def open_database(settings: Settings, need: Need) -> AsyncIterator[StoreWriter]:
    """A writer on the database of the settings, waited for; its tables are of this version.

    Raises DatabaseError.
    """

    async def open_checked() -> StoreWriter:
        await check_schema(settings.dsn)
        return await open_store(settings.dsn, settings.store_connections, settings.store_timeout_s)

    writer = await keep_trying(
        open_checked,
        (DatabaseUnavailableError,),
        logger,
        "connecting to the database",
        failed=need.failed,
    )
    async with writer:
        need.connected(writer.ping)
        yield writer


async def check_schema(dsn: str) -> None:
    """Raises DatabaseError unless `dipper migrate` of this version has been there, and no newer
    one; DatabaseUnavailableError."""
    async with connect(dsn) as connection:
        with explained():
            there = await connection.fetchval("SELECT to_regclass('schema_migrations')")
            rows = (
                await connection.fetch("SELECT version, name FROM schema_migrations")
                if there
                else []
            )
    found = {row["version"]: row["name"] for row in rows}
    wanted = {migration.version: migration.title for migration in load_migrations()}
    if not found:
        raise DatabaseError("the database has no tables of Dipper: run `dipper migrate`")
    newest, known = max(found), max(wanted)
    if newest > known:
        raise DatabaseError(
            f"the database has schema {newest:04d}_{found[newest]}, and this Dipper knows it up "
            f"to {wanted[known]}: install the newer Dipper that made it"
        )
    missing = [title for version, title in sorted(wanted.items()) if version not in found]
    if missing:
        raise DatabaseError(
            f"the database lacks {', '.join(missing)} of this Dipper: run `dipper migrate`"
        )
