"""A pipeline with a fleet that sends to it, and what is seen of both while that goes on."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from loadtests.load import Generators, LoadError
from loadtests.metrics import LATENCY, Scrape, parse
from loadtests.orders import Load
from loadtests.pipeline import SPARE_FILES, UnderTest, environment, start
from loadtests.processes import allow_open_files, machine_cpu_s
from loadtests.samples import LoadOptions, Run, Sample
from loadtests.schedule import MAX_RATE_A_TERMINAL
from loadtests.telling import Telling

STORED = "dipper_stored_rows_total{table=positions}"
SAMPLE_S = 1.0
DRAIN_TIMEOUT_S = 120.0
"""How long nothing may move before the rest is given up."""


class Live:
    """A load that runs; its samples gather in ``run``."""

    def __init__(self, run: Run, pipeline: UnderTest, generators: Generators) -> None:
        self.run = run
        self.pipeline = pipeline
        self.generators = generators
        self._began = self._next_sample = 0.0
        self._telling = Telling()

    @property
    def seconds(self) -> float:
        """Since the load began."""
        return time.monotonic() - self._began

    @property
    def stored(self) -> float:
        """Fixes that are rows, as of the last sample."""
        return self.run.after.totals.get(STORED, 0.0) - self.run.before.totals.get(STORED, 0.0)

    async def go(self) -> None:
        """The fleet begins to send."""
        self.run.before = self.run.after = await scrape(self.pipeline)
        await self.generators.go()
        self._began = self._next_sample = time.monotonic()

    async def watch(
        self, seconds: float, until: Callable[[Sample], bool] = lambda _: False
    ) -> Sequence[Sample]:
        """Take a sample a second for so long, or until one is as wanted; returns these samples.

        Raises PipelineError, LoadError.
        """
        first, end = len(self.run.samples), time.monotonic() + seconds
        ends_s = end - self._began
        try:
            while True:
                await asyncio.sleep(max(min(self._next_sample, end) - time.monotonic(), 0))
                if time.monotonic() >= end:
                    break
                self._next_sample = max(self._next_sample + SAMPLE_S, time.monotonic())
                sample = await self._sample()
                self._telling.tell(self.run.samples, ends_s)
                if until(sample):
                    break
        finally:
            self._telling.end()
        return self.run.samples[first:]

    async def finish(self) -> None:
        """``end``, then count the rows and ask for the ledger. Raises PipelineError, LoadError."""
        await self.end()
        self.run.rows = await count_rows(self.pipeline.dsn)
        self.run.ledger = await settled_ledger(self.pipeline)

    async def end(self) -> None:
        """End the load in order, wait until all of it is stored or nothing moves any more.

        Raises PipelineError, LoadError.
        """
        run, generators, pipeline = self.run, self.generators, self.pipeline
        await generators.stop()
        while not generators.done:
            await self.watch(SAMPLE_S)
        progress = generators.progress()
        run.sent, run.resent = progress.fixes, progress.resent
        began = moved = time.monotonic()
        stored = -1.0
        while self.stored < run.sent and time.monotonic() - moved < DRAIN_TIMEOUT_S:
            if self.stored > stored:
                stored, moved = self.stored, time.monotonic()
            pipeline.check()
            await asyncio.sleep(SAMPLE_S / 10)
            run.after = await scrape(pipeline)
        run.drain_s = time.monotonic() - began

    async def _sample(self) -> Sample:
        pipeline, run = self.pipeline, self.run
        pipeline.check()
        run.after = await scrape(pipeline)
        sample = Sample(
            seconds=self.seconds,
            load=self.generators.progress(),
            stored=self.stored,
            parts=pipeline.usage(),
            machine_cpu_s=machine_cpu_s(),
            scrape=Scrape({}, {LATENCY: run.after.buckets.get(LATENCY, {})}),
        )
        run.samples.append(sample)
        return sample


@asynccontextmanager
async def live(options: LoadOptions) -> AsyncIterator[Live]:
    """A pipeline of its own and a fleet that is logged in. Raises PipelineError, LoadError."""
    check_rate(options)
    allow_files(options.terminals)
    settings = environment(options.terminals)
    with tempfile.TemporaryDirectory(prefix="dipper-load-") as folder:
        async with (
            start(options.log, Path(folder), settings) as pipeline,
            fleet(options, pipeline) as running,
        ):
            yield running


@asynccontextmanager
async def fleet(
    options: LoadOptions, pipeline: UnderTest, first_terminal: int = 1
) -> AsyncIterator[Live]:
    """A fleet that is logged in to a pipeline that is there. Raises LoadError."""
    check_rate(options)
    async with Generators(_loads(options, pipeline.tcp, first_terminal)) as generators:
        yield Live(Run(options), pipeline, generators)


def check_rate(options: LoadOptions) -> None:
    """Raises LoadError for more than the terminals can send, or fewer of them than processes."""
    most = options.terminals * MAX_RATE_A_TERMINAL
    if options.rate > most:
        raise LoadError(
            f"{options.terminals:,} terminals send at most {most:,} fixes a second: "
            "use more (--terminals)"
        )
    if options.generators > options.terminals:
        raise LoadError("each of the --generators needs a terminal at least")


def allow_files(connections: int) -> None:
    """For so many connections, here and in the processes that are started. Raises LoadError."""
    try:
        allow_open_files(connections + SPARE_FILES)
    except ValueError as error:
        raise LoadError(str(error)) from error


async def scrape(pipeline: UnderTest) -> Scrape:
    """What /metrics says now."""
    return parse(await pipeline.metrics())


async def count_rows(dsn: str) -> int:
    """Rows in ``positions`` whose terminal exists."""
    connection = await asyncpg.connect(dsn)
    try:
        count = await connection.fetchval(
            "SELECT count(*) FROM positions JOIN terminals ON terminals.id = terminal_id"
        )
    finally:
        await connection.close()
    return int(count)


async def settled_ledger(pipeline: UnderTest) -> dict[str, object]:
    """The ledger once nothing is on the way any more, or after a while. Raises PipelineError."""
    began = time.monotonic()
    while True:
        ledger = await pipeline.ledger()
        fixes = ledger.get("fixes")
        moving = isinstance(fixes, dict) and fixes.get("in_flight")
        if not moving or time.monotonic() - began > DRAIN_TIMEOUT_S / 4:
            return ledger
        await asyncio.sleep(SAMPLE_S)


def _loads(options: LoadOptions, address: str, first_terminal: int) -> list[Load]:
    host, _, port = address.rpartition(":")
    count = options.generators
    shares = [len(range(number, options.terminals, count)) for number in range(count)]
    return [
        Load(
            host=host.strip("[]"),
            port=int(port),
            terminals=share,
            first_terminal=first_terminal + sum(shares[:number]),
            rate=options.rate * share / options.terminals,
            acknowledged=options.acknowledged,
            full=options.full,
            faults=options.faults,
            seed=options.seed,
            remember_s=options.remember_s,
        )
        for number, share in enumerate(shares)
    ]
