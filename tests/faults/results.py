"""Results of fault runs, kept so that a full set can be run in pieces.

One JSON object a line in ``.faults/results.jsonl``: which code, fault and seed, whether it held,
and for how long it ran. ``python -m tests.faults.results`` prints the newest code's as a table.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("FAULT_RESULTS", PROJECT / ".faults"))
RECORDS = FOLDER / "results.jsonl"
TABLE = FOLDER / "table.md"
TESTED = ("services", "schemas", "tests/faults", "tests/engines", "pyproject.toml")
"""What decides the outcome of a run."""


class Result(NamedTuple):
    """The outcome of one run."""

    code: str
    """Commit, and a digest of what was changed since."""
    fault: str
    seed: int | None
    held: bool
    seconds: float
    notes: Mapping[str, object] = {}


def code_version() -> str:
    """The commit, and a digest of the changes to it if there are some."""
    commit = _git("rev-parse", "--short=10", "HEAD").decode().strip() or "unknown"
    changes = _git("diff", "HEAD", "--", *TESTED)
    return commit + (f"+{hashlib.sha256(changes).hexdigest()[:8]}" if changes else "")


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, check=False)
    return done.stdout


def record(result: Result) -> None:
    """Add a result; it is on the disk at once, so that a run that is ended early keeps it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with RECORDS.open("a") as file:
        file.write(json.dumps(result._asdict(), default=str) + "\n")


def recorded() -> list[Result]:
    """All results so far; of one code, fault and seed the newest only."""
    if not RECORDS.exists():
        return []
    found = [Result(**json.loads(line)) for line in RECORDS.read_text().splitlines()]
    return list({(one.code, one.fault, one.seed): one for one in found}.values())


def table(results: Iterable[Result]) -> str:
    """A line a fault: how many seeds held, which failed, the seconds of a run."""
    by_fault: dict[str, list[Result]] = {}
    for result in results:
        by_fault.setdefault(result.fault, []).append(result)
    lines = ["| fault | seeds | held | failed | seconds a run |", "| --- | --- | --- | --- | --- |"]
    for fault, found in by_fault.items():
        failed = sorted(str(one.seed) for one in found if not one.held)
        seconds = [one.seconds for one in found]
        span = f"{min(seconds):.0f} to {max(seconds):.0f}"
        held = len(found) - len(failed)
        told = ", ".join(failed) or "none"
        lines.append(f"| {fault} | {len(found)} | {held} | {told} | {span} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    everything = recorded()
    if not everything:
        sys.exit(f"{RECORDS} holds no result yet: make faults SEEDS=50")
    newest = everything[-1].code
    print(f"Code {newest}\n")
    print(table(one for one in everything if one.code == newest), end="")
