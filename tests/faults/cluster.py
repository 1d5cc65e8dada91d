"""Fault runs on Apache Kafka and TimescaleDB: ``dipper ingest``, ``enrich`` and ``store`` as
processes, with a proxy before each of ingest, the broker and the database."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from aiokafka.admin import AIOKafkaAdminClient

from services.assembly.parts import publish_zones, topic_specs
from services.log.base import FIX
from services.log.kafka import KafkaLog
from services.store.prepared import STORED
from services.tools.migrate import migrate
from services.tools.zones import read_zone_files
from tests.engines import kafka, timescaledb
from tests.engines.fixtures import without
from tests.engines.found import NotAvailableError, answers, free_ports
from tests.faults.proxy import Proxy
from tests.faults.run import Plan, Report, Run, execute, write_zones
from tests.faults.service import Service, until

START_S = 60.0
PARTITIONS = 6
SESSION_S = 3.0
"""Of a group's member in these runs: a zombie is one sooner."""


@dataclass(slots=True)
class Engines:
    """The brokers and the database of one run, and the proxies to them."""

    brokers: Sequence[kafka.Broker]
    database: timescaledb.Server
    kafka_proxy: Proxy
    database_proxy: Proxy

    @property
    def broker(self) -> kafka.Broker:
        """The only one."""
        (broker,) = self.brokers
        return broker

    @property
    def servers(self) -> str:
        """Kafka's address through the proxy; its metadata names no other. Several brokers are
        reached without a proxy."""
        if len(self.brokers) > 1:
            return ",".join(broker.address for broker in self.brokers)
        return "{}:{}".format(*self.kafka_proxy.address)

    @property
    def dsn(self) -> str:
        """The database's address through the proxy."""
        address = "{}:{}".format(*self.database_proxy.address)
        return urlunsplit(urlsplit(self.database.dsn)._replace(netloc=f"postgres@{address}"))


@dataclass(slots=True)
class ClusterRun:
    """What a fault on the cluster may touch."""

    run: Run
    engines: Engines
    ports: Mapping[str, int]
    """Of the ingest services."""

    def service(self, name: str) -> Service:
        """By name, ``enrich-1``."""
        return self.run.services[name]

    async def off_the_loop(self, call: Callable[[], None]) -> None:
        """Engines are stopped and started by blocking calls; the fleet goes on meanwhile."""
        await asyncio.to_thread(call)


ClusterFault = Callable[[ClusterRun], Coroutine[Any, Any, None]]


async def nothing(_: ClusterRun) -> None:
    """No fault."""


@dataclass(frozen=True, slots=True)
class Member:
    """How one service is started."""

    patches: Sequence[str] = ()
    once: Sequence[str] = ()


ONE_EACH: Mapping[str, Member] = {"ingest-1": Member(), "enrich-1": Member(), "store-1": Member()}


@asynccontextmanager
async def engines(kafka_directory: Path | None = None, brokers: int = 1) -> AsyncIterator[Engines]:
    """Brokers and a database server of the run's own. Skips, or fails, without them."""
    async with (
        Proxy(("127.0.0.1", 0)) as kafka_proxy,
        Proxy(("127.0.0.1", 0)) as database_proxy,
        AsyncExitStack() as stack,
    ):
        settings = {"log.retention.ms": "-1"}
        if brokers == 1:
            advertised = "PLAINTEXT://{}:{}".format(*kafka_proxy.address)
            settings["advertised.listeners"] = advertised
        try:
            cluster, database = await asyncio.gather(
                asyncio.to_thread(kafka.start_cluster, brokers, settings, kafka_directory),
                asyncio.to_thread(timescaledb.start_server),
            )
        except NotAvailableError as error:
            without("Kafka or TimescaleDB", error)
        stack.push_async_callback(asyncio.to_thread, database.remove)
        stack.push_async_callback(asyncio.to_thread, cluster.stop)
        kafka_proxy.target = ("127.0.0.1", cluster.brokers[0].port)
        database_proxy.target = ("127.0.0.1", database.port)
        yield Engines(cluster.brokers, database, kafka_proxy, database_proxy)


async def run_cluster(
    home: Path,
    seed: int,
    fault: ClusterFault = nothing,
    *,
    plan: Plan | None = None,
    members: Mapping[str, Member] = ONE_EACH,
    settings: Mapping[str, str] | None = None,
    kafka_directory: Path | None = None,
    brokers: int = 1,
) -> Report:
    """Run a fault; ``members`` are named ``SERVICE-NUMBER``. The fleet talks to ``ingest-1``."""
    zones = home / "zones.geojson"
    write_zones(zones)
    async with engines(kafka_directory, brokers) as found:
        await _prepare(found, zones)
        ingests = [name for name in members if name.startswith("ingest")]
        ports = dict(zip(ingests, free_ports(len(ingests)), strict=True))
        environment = {
            "DIPPER_KAFKA_SERVERS": found.servers,
            "DIPPER_DSN": found.dsn,
            "DIPPER_HTTP_PORT": "0",
            **(settings or {}),
        }
        services = {
            name: _service(name, member, home, environment, ports.get(name))
            for name, member in members.items()
        }
        try:
            async with asyncio.timeout(START_S):
                await asyncio.gather(*(service.start() for service in services.values()))
                await until(lambda: all(answers(port) for port in ports.values()))
            report = await execute(
                plan or Plan(),
                seed,
                home,
                ("127.0.0.1", ports["ingest-1"]),
                services,
                # The checker does not look through the proxy.
                lambda: found.database.dsn,
                [],
                {"DIPPER_DSN": found.database.dsn},
                lambda run: fault(ClusterRun(run, found, ports)),
            )
        except BaseException:
            for name, service in services.items():
                print(f"--- {name}\n{service.last_words()}")
            raise
        finally:
            codes = await asyncio.gather(*(service.stop() for service in services.values()))
    stopped = [
        f"stop: {name}: exit code {code}: {services[name].last_words()}"
        for name, code in zip(services, codes, strict=True)
        if code != 0
    ]
    stopped += [
        f"exit: {name} ended by itself with {set(one.exits)}: {one.complaints()}"
        for name, one in services.items()
        if not set(one.exits) <= {-signal.SIGKILL}
    ]
    if report.violations or stopped:
        for name, service in services.items():
            print(f"--- {name}\n{service.last_words()}")
    return Report(
        [*report.violations, *stopped], report.known, report.ledger, report.exits, report.notes
    )


def _service(
    name: str, member: Member, home: Path, environment: Mapping[str, str], port: int | None
) -> Service:
    own = {} if port is None else {"DIPPER_INGEST_PORT": str(port)}
    return Service(
        name,
        [name.partition("-")[0]],
        home / f"{name}.log",
        {**environment, **own},
        [f"session={SESSION_S}", *member.patches],
        member.once,
    )


async def _prepare(found: Engines, zones: Path) -> None:
    await migrate(found.dsn)
    copies = min(3, len(found.brokers))
    async with KafkaLog(found.servers, replication=copies) as log:
        await log.create_topics(topic_specs(PARTITIONS))
        await publish_zones(log, read_zone_files([str(zones)]))


async def freeze_and_thaw(service: Service, times: int, frozen_s: float) -> None:
    """Each time that a patch freezes the service, thaw it after a while."""
    for _ in range(times):
        await service.until_stopped()
        await asyncio.sleep(frozen_s)
        service.send(signal.SIGCONT)
        await asyncio.sleep(0.2)


async def described(servers: str, topic: str) -> list[dict[str, Any]]:
    """Kafka's own description of the topic's partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        (found,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    partitions: list[dict[str, Any]] = found["partitions"]
    return partitions


async def leaders(servers: str, topic: str) -> set[int]:
    """The nodes that lead a partition of the topic."""
    return {partition["leader"] for partition in await described(servers, topic)}


async def until_in_sync(servers: str, topic: str, copies: int) -> None:
    """Wait until every partition of the topic has so many copies that are up to date."""
    while any(len(each["isr"]) < copies for each in await described(servers, topic)):  # noqa: ASYNC110
        await asyncio.sleep(0.2)


def is_produce_request(chunk: bytes) -> bool:
    """Whether bytes to a broker begin with a produce request (API key 0) that holds records."""
    return len(chunk) > 400 and chunk[4:6] == b"\0\0"


def is_commit(chunk: bytes) -> bool:
    """Whether bytes to the database commit a batch: COMMIT, or the arguments of the one statement
    that moves offsets and adds counters."""
    return b"COMMIT;" in chunk or (FIX.encode() in chunk and STORED.encode() in chunk)
