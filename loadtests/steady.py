"""A fleet that sends at a constant rate, from the socket to the row."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from loadtests.cluster import cluster_under_test
from loadtests.generator import Load, Progress
from loadtests.load import Generators, LoadError
from loadtests.metrics import Scrape, parse
from loadtests.processes import Usage, allow_open_files, machine_cpu_s, usage_by_part
from loadtests.report import Report
from loadtests.steady_figures import figures
from services.tools.local_pipeline import LocalPipeline

ZONES = Path(__file__).parent.parent / "services" / "tools" / "data" / "wenzhou_zones.geojson"
STORED = "dipper_stored_rows_total{table=positions}"
SAMPLE_S = 1.0
SPARE_FILES = 1_000
DRAIN_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class SteadyOptions:
    """How much load for how long."""

    rate: float = 10_000
    """Fixes a second of the whole fleet."""
    terminals: int = 2_000
    seconds: float = 60
    generators: int = 1
    """Processes that generate the load."""
    log: str = "embedded"
    """``embedded``: dipper up; ``kafka``: the three services on Kafka and TimescaleDB."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment of the run."""

    seconds: float
    """Since the load began."""
    load: Progress
    stored: float
    """Fixes that are rows by now."""
    parts: dict[str, Usage]
    """``services`` and ``postgres``, on Kafka each service and each engine."""
    machine_cpu_s: float = 0.0
    """Of everything that runs on the machine."""


@dataclass(slots=True)
class Run:
    """All that a run gave, to be worked out afterwards."""

    options: SteadyOptions
    samples: list[Sample] = field(default_factory=list)
    before: Scrape = field(default_factory=lambda: Scrape({}, {}))
    after: Scrape = field(default_factory=lambda: Scrape({}, {}))
    sent: int = 0
    rows: int = 0
    drain_s: float = 0.0
    ledger: dict[str, Any] = field(default_factory=dict)


async def steady(options: SteadyOptions, command: str) -> Report:
    """Run it. Raises PipelineError or LoadError if a part of it breaks."""
    run = Run(options)
    try:
        allow_open_files(options.terminals + SPARE_FILES)
    except ValueError as error:
        raise LoadError(str(error)) from error
    with tempfile.TemporaryDirectory(prefix="dipper-steady-") as folder:
        settings = {"DIPPER_INGEST_MAX_CONNECTIONS": str(options.terminals + SPARE_FILES)}
        async with _start(options, Path(folder), settings) as pipeline:
            async with Generators(_loads(options, pipeline.tcp)) as generators:
                run.before = await _scrape(pipeline)
                await generators.go()
                await _observe(run, pipeline, generators)
                run.sent = generators.progress().fixes
            await _drain(run, pipeline)
            run.rows = await _count_rows(pipeline.dsn)
            run.ledger = await pipeline.ledger()
    return figures(run, command)


class UnderTest(Protocol):
    """What a steady run needs of a pipeline."""

    tcp: str
    """host:port for terminals."""
    dsn: str

    def check(self) -> None:
        """Raises PipelineError if a part of it no longer runs."""
        ...

    def usage(self) -> dict[str, Usage]:
        """By part."""
        ...

    async def metrics(self) -> str:
        """What /metrics says, of all its processes."""
        ...

    async def ledger(self) -> dict[str, Any]:
        """As `dipper ledger --json` gives it."""
        ...


class _Embedded:
    """``dipper up`` as something to measure."""

    def __init__(self, pipeline: LocalPipeline) -> None:
        self._pipeline = pipeline
        self.tcp, self.dsn = pipeline.endpoints.tcp, pipeline.endpoints.dsn
        self.check = pipeline.check
        self.ledger = pipeline.ledger

    def usage(self) -> dict[str, Usage]:
        return usage_by_part(self._pipeline.pid)

    async def metrics(self) -> str:
        return await self._pipeline.get("/metrics") or ""


@asynccontextmanager
async def _start(
    options: SteadyOptions, folder: Path, settings: Mapping[str, str]
) -> AsyncIterator[UnderTest]:
    if options.log == "kafka":
        async with cluster_under_test(folder, ZONES, settings) as cluster:
            yield cluster
    else:
        async with LocalPipeline(folder, ZONES, settings) as pipeline:
            yield _Embedded(pipeline)


def _loads(options: SteadyOptions, address: str) -> list[Load]:
    host, _, port = address.rpartition(":")
    count = options.generators
    shares = [len(range(number, options.terminals, count)) for number in range(count)]
    return [
        Load(
            host=host.strip("[]"),
            port=int(port),
            terminals=share,
            first_terminal=1 + sum(shares[:number]),
            rate=options.rate * share / options.terminals,
            seconds=options.seconds,
        )
        for number, share in enumerate(shares)
    ]


async def _observe(run: Run, pipeline: UnderTest, generators: Generators) -> None:
    began = next_sample = time.monotonic()
    while not generators.done:
        pipeline.check()
        run.after = await _scrape(pipeline)
        run.samples.append(
            Sample(
                seconds=time.monotonic() - began,
                load=generators.progress(),
                stored=_stored(run),
                parts=pipeline.usage(),
                machine_cpu_s=machine_cpu_s(),
            )
        )
        next_sample += SAMPLE_S
        await asyncio.sleep(max(next_sample - time.monotonic(), 0))


async def _drain(run: Run, pipeline: UnderTest) -> None:
    """Wait until everything that was sent is stored, or until nothing moves any more."""
    began = moved = time.monotonic()
    stored = -1.0
    while (now := _stored(run)) < run.sent and time.monotonic() - moved < DRAIN_TIMEOUT_S:
        if now > stored:
            stored, moved = now, time.monotonic()
        pipeline.check()
        await asyncio.sleep(SAMPLE_S / 10)
        run.after = await _scrape(pipeline)
    run.drain_s = time.monotonic() - began


def _stored(run: Run) -> float:
    return run.after.totals.get(STORED, 0.0) - run.before.totals.get(STORED, 0.0)


async def _scrape(pipeline: UnderTest) -> Scrape:
    return parse(await pipeline.metrics())


async def _count_rows(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        count = await connection.fetchval(
            "SELECT count(*) FROM positions JOIN terminals ON terminals.id = terminal_id"
        )
    finally:
        await connection.close()
    return int(count)
