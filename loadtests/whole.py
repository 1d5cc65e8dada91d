"""The whole pipeline as fast as it can, against its database alone."""

from __future__ import annotations

import time
from dataclasses import replace

from loadtests.cost import Watch
from loadtests.database import rows_a_second
from loadtests.figures import add_losses, series
from loadtests.live import live
from loadtests.report import Report
from loadtests.samples import LoadOptions

RATE_A_TERMINAL = 40.0


async def whole(options: LoadOptions, fixes: int, command: str) -> Report:
    """Send so many fixes at once, faster than the pipeline takes them, and see how long it takes
    until all are stored; before and after, the database alone. Raises PipelineError, LoadError."""
    report = Report("whole", command)
    rate = options.terminals * RATE_A_TERMINAL
    options = replace(options, rate=rate, seconds=fixes / rate)
    async with live(options) as running:
        alone = [await rows_a_second(running.pipeline.dsn)]
        watch = await Watch.begin(running.pipeline)
        began = time.monotonic()
        await running.go()
        await running.watch(options.seconds)
        await running.end()
        await watch.until_stored(running.run.sent)
        took = time.monotonic() - began
        await running.finish()
        alone.append(await rows_a_second(running.pipeline.dsn))
    run = running.run
    database = sum(alone) / len(alone)
    report.add("database alone, COPY + ON CONFLICT", database, "rows/s")
    stored = run.sent / took
    report.add("from the socket to the row", stored, "fixes/s", "database alone", stored / database)
    watch.add_cpu(report, run.sent)
    generator = running.generators.progress().cpu_s
    report.add("CPU a fix, generator", generator / max(run.sent, 1) * 1e6, "µs")
    add_losses(report, run)
    report.series = series(run.samples)
    return report
