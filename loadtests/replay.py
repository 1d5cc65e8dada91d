"""A large capture through one connection, as fast as the pipeline takes it."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from loadtests.cost import Watch
from loadtests.figures import check_ledger
from loadtests.live import allow_files, count_rows, settled_ledger
from loadtests.load import LoadError
from loadtests.pipeline import environment, start
from loadtests.report import Report
from services.tools.fleet import make_fleet, write_large

START_US = 1_700_000_000_000_000
MEGABYTE = 1_000_000
NO_LIMIT = 10_000_000
"""Lines a second: a capture at full speed is far beyond what a receiver sends."""
LIMITS = {"ingest_terminal_lines_per_s": NO_LIMIT, "ingest_terminal_burst_lines": NO_LIMIT}
COMMAND = (sys.executable, "-m", "services.cli", "replay")


async def replay(log: str, megabytes: float, command: str) -> Report:
    """Write a capture, send it with ``dipper replay --speed max --ack``, wait until it is stored.

    Raises PipelineError, LoadError.
    """
    report = Report("replay", command)
    allow_files(1)
    with tempfile.TemporaryDirectory(prefix="dipper-load-") as folder:
        capture = Path(folder) / "capture.nmea"
        (terminal,) = make_fleet(1, 0)
        written = write_large(capture, terminal, START_US, int(megabytes * MEGABYTE))
        async with start(log, Path(folder) / "up", environment(1, LIMITS)) as pipeline:
            watch = await Watch.begin(pipeline)
            began = time.monotonic()
            sender = await asyncio.create_subprocess_exec(
                *[*COMMAND, str(capture), "--to", f"tcp://{pipeline.tcp}"],
                *["--terminal", "REPLAY-1", "--speed", "max", "--ack"],
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            _, talk = await sender.communicate()
            acknowledged_s = time.monotonic() - began
            if sender.returncode:
                raise LoadError(f"dipper replay: {talk.decode(errors='replace').strip()}")
            await watch.until_stored(written.epochs)
            stored_s = time.monotonic() - began
            rows = await count_rows(pipeline.dsn)
            report.ledger = await settled_ledger(pipeline)
            report.series = watch.series()
    report.add("capture", written.bytes / MEGABYTE, "MB")
    report.add("lines a fix", written.lines / written.epochs, "lines")
    report.add("acknowledged", written.lines / acknowledged_s, "lines/s")
    report.add("stored", written.epochs / stored_s, "fixes/s")
    report.add("stored", written.bytes / MEGABYTE / stored_s, "MB/s")
    watch.add_cpu(report, written.epochs)
    report.add("rows", rows, "rows", "epochs of the capture", rows / written.epochs)
    if rows != written.epochs:
        report.failures.append(f"{written.epochs:,} epochs were sent and {rows:,} are rows")
    check_ledger(report)
    return report
