"""The same load from 100, 1,000 and 10,000 terminals: what a connection costs beside its fixes."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from loadtests.cost import Watch, services_us
from loadtests.figures import check_ledger
from loadtests.live import allow_files, count_rows, fleet, settled_ledger
from loadtests.pipeline import environment, start
from loadtests.report import Report
from loadtests.samples import LoadOptions
from loadtests.schedule import MAX_RATE_A_TERMINAL

SIZES = (100, 1_000, 10_000)
LEARNING_EPOCHS = 4
"""Of each terminal before the costs count: by then its receiver's cycle is known, and the database
knows its name. Of hundreds of epochs that is nothing, of a few it would be most."""


async def scaling(
    options: LoadOptions, command: str, sizes: Sequence[int] = SIZES, rounds: int = 2
) -> Report:
    """The sizes take turns on one pipeline, ``options.seconds`` each and back again, so that what
    changes over time meets all of them. Raises PipelineError, LoadError."""
    report = Report("scaling", command)
    rate = min(options.rate, sizes[0] * MAX_RATE_A_TERMINAL)
    costs: dict[int, list[float]] = {size: [] for size in sizes}
    database: dict[int, list[float]] = {size: [] for size in sizes}
    sent = 0
    allow_files(max(sizes))
    with tempfile.TemporaryDirectory(prefix="dipper-load-") as folder:
        async with start(options.log, Path(folder), environment(max(sizes))) as pipeline:
            first = 1
            for turn in range(rounds + 1):
                # Caches and connections of the database warm up in a turn that does not count.
                for size in (sizes[:1], sizes, sizes[::-1])[0 if turn == 0 else 1 + turn % 2]:
                    load = replace(options, terminals=size, rate=rate)
                    async with fleet(load, pipeline, first) as running:
                        await running.go()
                        await running.watch(LEARNING_EPOCHS * size / rate)
                        watch = await Watch.begin(pipeline)
                        await running.watch(options.seconds)
                        # Before the connections are closed, which the last fixes would pay for.
                        fixes = await watch.stored()
                        used = watch.cpu_s()
                        await running.end()
                        await watch.until_stored(sent + running.run.sent - watch.rows_before)
                    sent += running.run.sent
                    first += size
                    if turn:
                        costs[size].append(services_us(used, fixes))
                        database[size].append(used.get("postgres", 0.0) / fixes * 1e6)
            rows = await count_rows(pipeline.dsn)
            report.ledger = await settled_ledger(pipeline)
    base = statistics.median(costs[sizes[0]])
    for size in sizes:
        cost = statistics.median(costs[size])
        report.add(f"CPU a fix of the services, {size:,} terminals", cost, "µs")
        if size != sizes[0]:
            name = f"CPU a fix, {size:,} terminals against {sizes[0]:,}"
            report.add(name, cost / base, "times as much")
    for size in sizes:
        report.add(
            f"CPU a fix of the database, {size:,} terminals",
            statistics.median(database[size]),
            "µs",
        )
    report.add("rate", rate, "fixes/s")
    report.add("rows", rows, "rows", "fixes sent", rows / max(sent, 1))
    report.series = {
        "terminals": [float(size) for size in sizes],
        "services_us": [statistics.median(costs[size]) for size in sizes],
        "postgres_us": [statistics.median(database[size]) for size in sizes],
    }
    report.notes.append(f"Medians of {rounds} turns; memory a terminal: see idle.")
    if rows != sent:
        report.failures.append(f"{sent:,} fixes were sent and {rows:,} are rows")
    check_ledger(report)
    return report
