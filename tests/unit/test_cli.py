"""The command line: help that teaches, usage errors that exit with 2, a quick start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from services.cli import main


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", list(commands(main)), ids=" ".join)
def test_every_command_explains_itself_and_every_option(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, [*path, "--help"])
    assert done.exit_code == 0
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    assert command.help
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["decode"], "FILE"),
        (["decode", "x.log"], "--terminal"),
        (["decode", "x.log", "--terminal", "no good"], "3 to 32"),
        (["decode", "x.log", "--terminal", "T-1", "--format", "xml"], "geojson"),
        (["replay", "x.log", "--to", "tcp://localhost:1", "--speed", "fast"], "--speed"),
        (["events", "x.log", "--terminal", "T-1"], "--zones"),
        (["up", "--port", "70000"], "--port"),
        (["nonsense"], "nonsense"),
    ],
)
def test_wrong_usage_exits_with_2_and_names_what_is_wrong(arguments: list[str], told: str) -> None:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert told in done.output


def test_help_loads_no_library_that_only_services_need() -> None:
    heavy = ("asyncpg", "aiokafka", "shapely", "pydantic", "aiohttp", "uvloop", "pynmeagps")
    code = (
        "import sys; from services.cli import main; main(['--help'], standalone_mode=False);"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
