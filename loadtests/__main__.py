"""python -m loadtests SCENARIO [--log kafka|embedded] [--json FILE] [--compare OLD.json]."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from loadtests import fleet_tool
from loadtests.compare import show_changes
from loadtests.document import Document, DocumentError, combined, read_document, write_document
from loadtests.load import LoadError
from loadtests.options import Options, add_arguments, options_for
from loadtests.report import Report, machine
from loadtests.results import RESULTS_DIRECTORY, publish, show_goals, show_ratios
from loadtests.scenarios import SCENARIOS, Scenario
from services.tools.local_pipeline import PipelineError

WIDTH = 120
EXIT_FAILED = 1
EXIT_USAGE = 2
BENCH = "bench"


def main(arguments: Sequence[str]) -> int:
    """Run a scenario, or ``bench``; the exit code is 1 if one failed."""
    if arguments[:1] == ["fleet"]:
        return fleet_tool.main(arguments[1:])
    if arguments[:1] == ["capacity"]:
        from loadtests.capacity import tool

        return tool.main(arguments[1:])
    if arguments == ["--names"]:
        print(*SCENARIOS)
        return 0
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.json is not None and not given.json.absolute().parent.is_dir():
        parser.error(f"--json: there is no directory {given.json.absolute().parent}")
    command = shlex.join(["python", "-m", "loadtests", *arguments])
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    try:
        old = None if given.compare is None else read_document(given.compare)
    except DocumentError as error:
        print(f"loadtests: {error}", file=sys.stderr)
        return EXIT_USAGE
    if given.scenario == BENCH:
        reports = _bench(given, command, console)
    else:
        reports = [_run(given.scenario, given, command, console)]
    if given.json is not None:
        write_document(given.json, _document(given, reports, command))
    if old is not None:
        _compare(old, reports, console)
    return EXIT_FAILED if any(report.failures for report in reports) else 0


def _run(
    name: str, given: argparse.Namespace, command: str, console: Console, *, bench: bool = False
) -> Report:
    scenario = SCENARIOS[name]
    usual = scenario.bench if bench and scenario.bench else scenario.usual
    report = run_scenario(name, scenario, options_for(given, usual, scenario.small), command)
    report.show(console)
    return report


def run_scenario(name: str, scenario: Scenario, options: Options, command: str) -> Report:
    """What keeps a scenario from running is a failure of it."""
    try:
        return scenario.run(options, command)
    except (PipelineError, LoadError) as error:
        return Report(name, command, failures=[str(error)])


def _bench(given: argparse.Namespace, command: str, console: Console) -> list[Report]:
    names = [name for name, scenario in SCENARIOS.items() if scenario.bench is not None]
    reports = []
    for number, name in enumerate(names, 1):
        print(f"loadtests: {name} ({number} of {len(names)})", file=sys.stderr, flush=True)
        began = time.monotonic()
        reports.append(_run(name, given, command, console, bench=True))
        took = time.monotonic() - began
        print(f"loadtests: {name} took {took:.0f} s", file=sys.stderr, flush=True)
    show_ratios(reports, console)
    show_goals(reports, given.log, console)
    directory = given.results or RESULTS_DIRECTORY
    for note in publish(reports, command, given.log, directory):
        console.print(note, highlight=False, markup=False)
    return reports


def _document(
    given: argparse.Namespace, reports: Sequence[Report], command: str
) -> dict[str, object]:
    return combined(reports, command) if given.scenario == BENCH else reports[0].to_json()


def _compare(old: Document, reports: Sequence[Report], console: Console) -> None:
    show_changes(old, reports, machine(), console)


def _parser() -> argparse.ArgumentParser:
    about = "\n".join(f"  {name:8} {scenario.about}" for name, scenario in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        prog="python -m loadtests",
        description=(
            f"Measure Dipper. A run that lost anything has failed.\n\n{about}\n"
            "  bench    most of them in a few minutes, with plots and RESULTS.md (make bench)\n"
            "  fleet    no measurement: a simulated fleet for your own tests (fleet --help)\n"
            "  capacity no measurement: what larger fleets would need (capacity --help)"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenario", choices=[*SCENARIOS, BENCH], metavar="SCENARIO")
    parser.add_argument("--log", choices=["embedded", "kafka"], default="embedded")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here, too")
    parser.add_argument(
        "--compare", type=Path, metavar="OLD.json", help="show what changed since that --json"
    )
    parser.add_argument(
        "--results", type=Path, metavar="DIR", help="bench: where plots and RESULTS.md go"
    )
    add_arguments(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
