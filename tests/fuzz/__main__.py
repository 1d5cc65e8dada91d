"""python -m tests.fuzz: FUZZ_LINES lines (a million) to a real port; FUZZ_SEED repeats a run."""

from __future__ import annotations

import os
import random
import sys

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from tests.fuzz.port import FuzzError, fuzz

LINES = 1_000_000


def main() -> int:
    """Run it; 1 if the server did what it must not."""
    lines = int(os.environ.get("FUZZ_LINES") or LINES)
    seed = int(os.environ.get("FUZZ_SEED") or random.randrange(2**32))
    console = Console(stderr=True)
    console.print(f"{lines:,} lines, FUZZ_SEED={seed}")
    columns = ("lines", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console) as shown:
            task = shown.add_task("lines", total=lines)
            reports = uvloop.run(fuzz(lines, seed, lambda more: shown.advance(task, more)))
    except FuzzError as error:
        console.print(f"FAILED with FUZZ_SEED={seed}: {error}", markup=False)
        return 1
    for report in reports:
        rejected = sum(report.tally.lines_rejected.values())
        console.print(
            f"{report.lines_sent:,} lines sent; the ledger has {report.tally.lines_read:,} read = "
            f"{report.tally.lines_used:,} used + {rejected:,} rejected; "
            f"{report.accounted:,} acknowledged to who sent them; the neighbour's "
            f"{report.neighbour_fixes:,} fixes all came; memory grew by "
            f"{report.grown_bytes >> 20} MiB"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
