"""The JSON documents of runs: one report, or several of one run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from loadtests.report import Report, Result, machine, versions


class DocumentError(ValueError):
    """A file that is no document of a run; the text says why."""


class Document(NamedTuple):
    """What a file holds."""

    reports: Sequence[Report]
    machine: dict[str, Any]
    versions: dict[str, str]
    command: str


def combined(reports: Sequence[Report], command: str) -> dict[str, Any]:
    """Several reports of one run: their results together, the reports below ``parts``."""
    ledgers = [report.ledger for report in reports if report.ledger is not None]
    return {
        "scenario": "bench",
        "machine": machine(),
        "versions": versions(),
        "command": command,
        "results": [
            {**result, "name": f"{report.scenario}: {result['name']}"}
            for report in reports
            for result in report.to_json()["results"]
        ],
        "ledger": {"balanced": all(one.get("balanced") is True for one in ledgers)},
        "failures": [
            f"{report.scenario}: {failure}" for report in reports for failure in report.failures
        ],
        "parts": [report.to_json() for report in reports],
    }


def read_document(path: Path) -> Document:
    """What ``--json`` wrote. Raises DocumentError."""
    try:
        found = json.loads(path.read_bytes())
        parts = found.get("parts", [found])
        reports = [_report(part) for part in parts]
        return Document(reports, found["machine"], found["versions"], found["command"])
    except OSError as error:
        raise DocumentError(f"{path}: can't be read: {error.strerror or error}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DocumentError(f"{path} is no result of python -m loadtests: {error!r}") from error


def _report(part: dict[str, Any]) -> Report:
    return Report(
        part["scenario"],
        part["command"],
        [Result(**result) for result in part["results"]],
        part["ledger"],
        part.get("failures", []),
        part.get("notes", []),
        part.get("series", {}),
    )


def write_document(path: Path, document: dict[str, Any]) -> None:
    """As ``--json`` does. Raises OSError."""
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
