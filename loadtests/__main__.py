"""python -m loadtests SCENARIO [--log kafka|embedded] [--json FILE]."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from loadtests.load import LoadError
from loadtests.report import Report
from loadtests.scenarios import SCENARIOS
from services.tools.local_pipeline import PipelineError

WIDTH = 110
EXIT_FAILED = 1


def main(arguments: Sequence[str]) -> int:
    """Run a scenario, or ``all`` of them; the exit code is 1 if one failed."""
    options = _parser().parse_args(arguments)
    command = shlex.join(["python", "-m", "loadtests", *arguments])
    names = list(SCENARIOS) if options.scenario == "all" else [options.scenario]
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    failed = False
    for name in names:
        try:
            report = SCENARIOS[name].run(options, command)
        except (PipelineError, LoadError) as error:
            report = Report(name, command, failures=[str(error)])
        report.show(console)
        if options.json is not None:
            report.write(_json_file(options.json, name, len(names)))
        failed = failed or bool(report.failures)
    return EXIT_FAILED if failed else 0


def _json_file(path: Path, scenario: str, scenarios: int) -> Path:
    """Of ``all``, each scenario gets a file of its own: ``out.json`` → ``out-steady.json``."""
    return path if scenarios == 1 else path.with_stem(f"{path.stem}-{scenario}")


def _parser() -> argparse.ArgumentParser:
    about = "\n".join(f"  {name:8} {scenario.about}" for name, scenario in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        prog="python -m loadtests",
        description=f"Measure Dipper. A run that lost anything has failed.\n\n{about}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenario", choices=[*SCENARIOS, "all"], metavar="SCENARIO")
    parser.add_argument("--log", choices=["embedded", "kafka"], default="embedded")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here, too")
    idle = parser.add_argument_group("idle")
    idle.add_argument("--connections", type=int, default=1_000)
    steady = parser.add_argument_group("steady")
    steady.add_argument("--rate", type=float, default=10_000, help="fixes a second, all together")
    steady.add_argument("--terminals", type=int, default=2_000, help="each a connection of its own")
    steady.add_argument("--seconds", type=float, default=60)
    steady.add_argument("--generators", type=int, default=1, help="processes that make the load")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
