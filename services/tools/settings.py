"""``dipper settings``: every setting in a table made from the code."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from services.runtime.settings import PREFIX, SETTINGS_FILE, Settings


def run() -> int:
    """Print the table; the exit code."""
    table = Table(title=f"Settings: a variable, or its name in lower case in {SETTINGS_FILE}")
    table.add_column("variable", no_wrap=True)
    table.add_column("default", no_wrap=True)
    table.add_column("meaning")
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") else str(field.default)
        table.add_row(PREFIX + name.upper(), default, field.description or "")
    Console().print(table)
    return 0
