"""What several commands take, and how they are listed."""

from __future__ import annotations

from pathlib import Path

import click

FILES = click.argument("files", nargs=-1, required=True, metavar="FILE…")


class TerminalId(click.ParamType[str]):
    """A terminal's id, as ingest takes it."""

    name = "terminal id"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The id as it is, or wrong usage."""
        from services.terminals.names import is_terminal_name

        if not is_terminal_name(value):
            self.fail(f"{value!r} is no terminal id: 3 to 32 of A-Z a-z 0-9 _ -", param, ctx)
        return value


TERMINAL = click.option(
    "--terminal",
    required=True,
    type=TerminalId(),
    metavar="ID",
    help="Whose stream this is: 3 to 32 of A-Z a-z 0-9 _ -.",
)
ALLOW_MISSING = click.option(
    "--allow-missing-checksum",
    is_flag=True,
    help="Take sentences without a checksum (some receivers send none).",
)
DATA_DIR = click.option(
    "--data-dir",
    default="dipper-data",
    show_default=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where `dipper up` keeps its log and its database.",
)


class OrderedGroup(click.Group):
    """Lists the commands in the order in which a newcomer meets them."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(self.commands)
