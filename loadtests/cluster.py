"""The three services on a real Kafka and a real TimescaleDB, for ``--log kafka``."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

from loadtests.load import LoadError
from loadtests.processes import Usage, usage_by_part
from services.tools.local_cluster import LocalCluster
from services.tools.local_pipeline import PipelineError


class Engine(NamedTuple):
    """A server that was started for the run, or is there already (then without a process)."""

    address: str
    pid: int | None


class ClusterUnderTest:
    """A cluster with the processor time of each of its parts."""

    def __init__(self, cluster: LocalCluster, engines: Mapping[str, Engine]) -> None:
        self.cluster = cluster
        self._engines = engines
        self.tcp = cluster.tcp
        self.dsn = cluster.dsn

    def check(self) -> None:
        """Raises PipelineError if a service has ended."""
        self.cluster.check()

    def usage(self) -> dict[str, Usage]:
        """By service, of Kafka and of the database, as far as they run here."""
        parts: dict[str, Usage] = {}
        for member in self.cluster.members:
            _add(parts, member.service, member.pid)
        for name, engine in self._engines.items():
            if engine.pid is not None:
                _add(parts, name, engine.pid)
        return parts

    async def metrics(self) -> str:
        """/metrics of all services."""
        return await self.cluster.metrics()

    async def ledger(self) -> dict[str, object]:
        """Of the database."""
        return await self.cluster.ledger()


@asynccontextmanager
async def cluster_under_test(
    folder: Path, zones: Path, settings: Mapping[str, str]
) -> AsyncIterator[ClusterUnderTest]:
    """Kafka and TimescaleDB as the tests have them, migrated, and one process a service.

    Raises LoadError, PipelineError.
    """
    with ExitStack() as stack:
        engines = _engines(stack)
        cluster = LocalCluster(
            folder, engines["kafka"].address, engines["postgres"].address, settings
        )
        async with cluster:
            for command in (("migrate",), ("zones", "load", str(zones))):
                code, _, talk = await cluster.dipper(*command)
                if code:
                    raise PipelineError(f"dipper {' '.join(command)}: {talk.strip()}")
            await cluster.start_all()
            yield ClusterUnderTest(cluster, engines)


@contextmanager
def timescaledb() -> Iterator[str]:
    """The address of a TimescaleDB as the tests have it. Raises LoadError."""
    from tests.engines.found import NotAvailableError

    with ExitStack() as stack:
        try:
            engine = _database(stack)
        except NotAvailableError as error:
            raise LoadError(str(error)) from error
        yield engine.address


def _engines(stack: ExitStack) -> dict[str, Engine]:
    # Provisioning belongs to the tests; only who runs this scenario needs it.
    from tests.engines.found import NotAvailableError

    try:
        return {"kafka": _kafka(stack), "postgres": _database(stack)}
    except NotAvailableError as error:
        raise LoadError(str(error)) from error


def _kafka(stack: ExitStack) -> Engine:
    if given := os.environ.get("DIPPER_TEST_KAFKA"):
        return Engine(given, None)
    from tests.engines.kafka import start_cluster

    started = start_cluster(compile_fully=True)
    stack.callback(started.stop)
    process = started.brokers[0].process
    return Engine(started.bootstrap_servers, process.pid if process else None)


def _database(stack: ExitStack) -> Engine:
    if given := os.environ.get("DIPPER_TEST_DSN"):
        return Engine(given, None)
    from tests.engines.timescaledb import start_server

    server = start_server()
    stack.callback(server.remove)
    return Engine(server.dsn, server.process.pid if server.process else None)


def _add(parts: dict[str, Usage], name: str, pid: int) -> None:
    for usage in usage_by_part(pid).values():
        before = parts.get(name, Usage(0.0, 0))
        parts[name] = Usage(before.cpu_s + usage.cpu_s, before.rss_bytes + usage.rss_bytes)
