"""``dipper decode`` of a capture against ``wc -l`` on it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from loadtests.load import LoadError
from loadtests.report import Report
from services.tools.fleet import make_fleet, write_large

START_US = 1_700_000_000_000_000
MEGABYTE = 1_000_000
ROUNDS = 3
DECODE = (sys.executable, "-m", "services.cli", "decode")


def offline(megabytes: float, command: str) -> Report:
    """Both in turns on a capture that is in the page cache; the best of each counts.

    Raises LoadError if a fix is missing in the output.
    """
    report = Report("offline", command)
    with tempfile.TemporaryDirectory(prefix="dipper-load-") as folder:
        capture = Path(folder) / "capture.nmea"
        (terminal,) = make_fleet(1, 0)
        written = write_large(capture, terminal, START_US, int(megabytes * MEGABYTE))
        ways = {
            "wc -l": ("wc", "-l", str(capture)),
            "dipper decode to jsonl": (*DECODE, str(capture), "--terminal", "CAPTURE"),
            "dipper decode to csv": (
                *(*DECODE, str(capture), "--terminal", "CAPTURE", "--format", "csv"),
            ),
        }
        best = dict.fromkeys(ways, float("inf"))
        for _ in range(ROUNDS):
            for name, way in ways.items():
                best[name] = min(best[name], _timed(way, Path(folder) / "output"))
                records = (Path(folder) / "output").read_bytes().count(b"\n")
                if name == "dipper decode to jsonl" and records != written.epochs:
                    raise LoadError(f"{written.epochs:,} epochs gave {records:,} records")
    base = best["wc -l"]
    for name, took in best.items():
        if name == "wc -l":
            report.add(name, written.bytes / MEGABYTE / took, "MB/s")
        else:
            report.add(name, written.bytes / MEGABYTE / took, "MB/s", "wc -l", base / took)
            report.add(f"{name}, against wc -l", took / base, "times as long")
    report.add("dipper decode to jsonl", written.epochs / best["dipper decode to jsonl"], "fixes/s")
    report.add("lines a fix", written.lines / written.epochs, "lines")
    return report


def _timed(command: Sequence[str], output: Path) -> float:
    with output.open("wb") as file:
        began = time.perf_counter()
        finished = subprocess.run(
            command, stdout=file, stderr=subprocess.PIPE, check=False, text=True
        )
        took = time.perf_counter() - began
    if finished.returncode:
        raise LoadError(f"{command[0]}: {finished.stderr.strip()}")
    return took
