"""Results of a scenario: as JSON for other programs and as a table for people."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

PYTHON = "Python only"
"""What compiled code is compared with."""
PACKAGES = ("dipper", "uvloop", "orjson", "asyncpg", "aiokafka", "shapely", "pynmeagps")


@dataclass(frozen=True, slots=True)
class Result:
    """One measured figure. ``ratio`` says how many times as good as ``against`` it is in the same
    run, whether more or less of the unit is better."""

    name: str
    value: float
    unit: str
    against: str | None = None
    """What it is compared with: another implementation, or a bound that is asked for."""
    ratio: float | None = None


@dataclass(slots=True)
class Report:
    """What a scenario found out."""

    scenario: str
    command: str
    results: list[Result] = field(default_factory=list)
    ledger: Mapping[str, Any] | None = None
    """As ``dipper ledger --json``; None for scenarios that move no data."""
    failures: list[str] = field(default_factory=list)
    """Why the run does not count, whatever its speed."""
    notes: list[str] = field(default_factory=list)
    series: Mapping[str, list[float]] = field(default_factory=dict)
    """Samples over time, one a second, by name; ``seconds`` holds their times."""

    def add(
        self,
        name: str,
        value: float,
        unit: str,
        against: str | None = None,
        ratio: float | None = None,
    ) -> None:
        """Add one figure."""
        self.results.append(Result(name, value, unit, against, ratio))

    def to_json(self) -> dict[str, Any]:
        """The document that ``--json`` writes."""
        return {
            "scenario": self.scenario,
            "machine": machine(),
            "versions": versions(),
            "command": self.command,
            "results": [
                {
                    "name": result.name,
                    "value": result.value,
                    "unit": result.unit,
                    "against": result.against,
                    "ratio": result.ratio,
                }
                for result in self.results
            ],
            "ledger": self.ledger,
            "failures": self.failures,
            "notes": self.notes,
            "series": self.series,
        }

    def write(self, path: Path) -> None:
        """Write the JSON document. Raises OSError."""
        path.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")

    def show(self, console: Console) -> None:
        """Print the table, the notes and the failures."""
        table = Table(title=self.scenario, title_justify="left")
        table.add_column("what", overflow="fold")
        table.add_column("value", justify="right", no_wrap=True)
        table.add_column("unit")
        table.add_column("against", overflow="fold")
        table.add_column("ratio", justify="right", no_wrap=True)
        for result in self.results:
            against = result.against or ""
            table.add_row(
                result.name, number(result.value), result.unit, against, times(result.ratio)
            )
        console.print(table)
        for note in self.notes:
            console.print(note, highlight=False, markup=False)
        if self.ledger is not None:
            console.print(f"Ledger balanced: {self.ledger.get('balanced')}")
        for failure in self.failures:
            console.print(f"FAILED: {failure}", style="bold red", highlight=False, markup=False)


def times(ratio: float | None) -> str:
    """A ratio with its sign; empty if there is none."""
    if ratio is None:
        return ""
    return f"{ratio:.2f} ×" if ratio >= 0.1 else f"{ratio:.2g} ×"


def number(value: float) -> str:
    """Three significant digits for small values, whole thousands separated for large ones."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cpu": _first_value(Path("/proc/cpuinfo"), "model name"),
        "cores": os.cpu_count(),
        "memory": _first_value(Path("/proc/meminfo"), "MemTotal"),
        "kernel": platform.release(),
    }


def versions() -> dict[str, str]:
    """Python and the packages that decide about speed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def _first_value(path: Path, key: str) -> str | None:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), None)
