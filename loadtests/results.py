"""What `make bench` leaves: a table of ratios, JSON, plots and RESULTS.md."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from loadtests.document import combined, write_document
from loadtests.goals import goals_table, reached
from loadtests.report import Report, Result, machine, number, times, versions

RESULTS_DIRECTORY = Path(__file__).parent
RESULTS = "RESULTS"
JSON = "results"
PLOTS = "plots"
SUFFIXES = {"embedded": "", "kafka": "-kafka"}
"""Each log keeps its own results."""
COUNTS = ("asked for", "fixes sent", "terminals", "epochs of the capture")
"""Ratios with these say that all is there, not how fast it was."""


def publish(reports: Sequence[Report], command: str, log: str, directory: Path) -> list[str]:
    """Write everything; returns what to tell. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    suffix = SUFFIXES[log]
    document = directory / f"{JSON}{suffix}.json"
    page = directory / f"{RESULTS}{suffix}.md"
    write_document(document, combined(reports, command))
    told = []
    try:
        from loadtests.plots import draw
    except ImportError:
        plots: list[Path] = []
        told.append("MISSING: no plots without matplotlib; pip install '.[bench]' brings it.")
    else:
        plots = draw(reports, directory / f"{PLOTS}{suffix}")
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    drawn = [path.relative_to(directory) for path in plots]
    text = results_text(reports, command, log, today, drawn)
    page.write_text(text, encoding="utf-8")
    told.append(f"Written: {page}, {document}, {len(plots)} plots.")
    return told


def ratios(reports: Sequence[Report]) -> list[tuple[str, Result]]:
    """Scenario and result of all that was measured side by side with something."""
    return [
        (report.scenario, result)
        for report in reports
        for result in report.results
        if result.ratio is not None and result.against not in COUNTS
    ]


def show_ratios(reports: Sequence[Report], console: Console) -> None:
    """The one table of ratios."""
    table = Table(title="Side by side, in this run: more is better", title_justify="left")
    table.add_column("scenario")
    table.add_column("what", overflow="fold")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("unit")
    table.add_column("against", overflow="fold")
    table.add_column("ratio", justify="right", no_wrap=True)
    for scenario, result in ratios(reports):
        value, ratio = number(result.value), times(result.ratio)
        table.add_row(scenario, result.name, value, result.unit, result.against or "", ratio)
    console.print(table)


def results_text(
    reports: Sequence[Report], command: str, log: str, date: str, plots: Sequence[Path]
) -> str:
    """RESULTS.md."""
    host = machine()
    packages = ", ".join(f"{name} {version}" for name, version in versions().items())
    lines = [
        "# Results",
        "",
        "Written by `make bench`; [docs/load-tests.md](../docs/load-tests.md) says how to read it.",
        "",
        f"- Date: {date}",
        f"- Machine: {host['cores']} cores, {host['cpu']}, {host['memory']}, "
        f"Linux {host['kernel']}",
        f"- Versions: {packages}",
        f"- Command: `{command}`",
        "",
        *_goals(reports, log),
        "## Side by side",
        "",
        "Measured in the same run; more is better.",
        "",
        *_table(
            ("scenario", "what", "value", "unit", "against", "ratio"),
            [
                (name, one.name, number(one.value), one.unit, one.against or "", times(one.ratio))
                for name, one in ratios(reports)
            ],
        ),
    ]
    for path in plots:
        lines += ["", f"![{path.stem.replace('-', ' ')}]({path.as_posix()})"]
    for report in reports:
        lines += ["", *_section(report)]
    return "\n".join(lines) + "\n"


def _goals(reports: Sequence[Report], log: str) -> list[str]:
    head, *rows = goals_table(reached(reports, log))
    if not rows:
        return []
    return ["## Against the goals for two cores", "", *_table(head, rows), ""]


def show_goals(reports: Sequence[Report], log: str, console: Console) -> None:
    """The goals, if the run measured something of them."""
    head, *rows = goals_table(reached(reports, log))
    table = Table(*head, title="Against the goals for two cores", title_justify="left")
    for row in rows:
        table.add_row(*row, style="red" if row[-1] == "MISSED" else None)
    if rows:
        console.print(table)


def _section(report: Report) -> list[str]:
    rows = [
        (one.name, number(one.value), one.unit, one.against or "", times(one.ratio))
        for one in report.results
    ]
    lines = [f"## {report.scenario}", ""]
    lines += _table(("what", "value", "unit", "against", "ratio"), rows)
    if report.ledger is not None:
        lines += ["", f"Ledger balanced: {report.ledger.get('balanced')}."]
    lines += [line for note in report.notes for line in ("", note)]
    lines += [line for failure in report.failures for line in ("", f"**FAILED**: {failure}")]
    return lines


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    numeric = ("value", "ratio", "this run", "bound", "aim")
    rule = ["---:" if name in numeric else "---" for name in head]
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return ["| " + " | ".join(row) + " |" for row in (head, rule, *cells)]
