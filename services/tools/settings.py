"""``dipper settings``: every setting in a table made from the code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, get_args

from rich.console import Console
from rich.table import Table

from services.runtime.settings import PREFIX, SETTINGS_FILE, Settings

GROUPS = (
    ("kafka_", "Kafka"),
    ("dsn", "Database"),
    ("http_", "HTTP port"),
    ("ingest_tls_", "Ingest: TLS"),
    ("ingest_", "Ingest"),
    ("enrich_", "Enrich"),
    ("store_", "Store"),
    ("retention_", "Retention"),
    (("chunk_", "columnstore_"), "TimescaleDB"),
    ("", "General"),
)
"""By the first of these that a name begins with."""

HEAD = f"""# Settings

Made by `dipper settings --markdown`; do not edit it. Each setting is a variable, or its name
without `{PREFIX}` and in lower case in `{SETTINGS_FILE}` in the working directory. A command's
option wins over the variable, the variable over the file. A name that Dipper does not know and a
value that can't be are told at the start, all at once.
"""


class Described(NamedTuple):
    """A setting as the tables show it."""

    variable: str
    default: str
    values: str
    meaning: str


def described() -> dict[str, list[Described]]:
    """All settings, by group in the order of the groups."""
    groups: dict[str, list[Described]] = {title: [] for _, title in GROUPS}
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") else _as_written(field.default)
        group = next(title for start, title in GROUPS if name.startswith(start))
        groups[group].append(
            Described(
                PREFIX + name.upper(),
                default,
                _values(field.annotation, field.metadata),
                field.description or "",
            )
        )
    return {title: settings for title, settings in groups.items() if settings}


def page() -> str:
    """The page docs/settings.md."""
    parts = [HEAD]
    for title, settings in described().items():
        parts.append(
            f"\n## {title}\n\n"
            "| variable | default | values | meaning |\n| --- | --- | --- | --- |\n"
        )
        parts += [
            f"| `{one.variable}` | {_code(one.default)} | {one.values} | {_cell(one.meaning)} |\n"
            for one in settings
        ]
    return "".join(parts)


def run(*, markdown: bool = False) -> int:
    """Print the table; the exit code."""
    if markdown:
        print(page(), end="")
        return 0
    table = Table(title=f"Settings: a variable, or its name in lower case in {SETTINGS_FILE}")
    table.add_column("variable", no_wrap=True)
    table.add_column("default", no_wrap=True)
    table.add_column("meaning")
    for settings in described().values():
        for one in settings:
            table.add_row(one.variable, one.default, one.meaning)
        table.add_section()
    Console().print(table)
    return 0


def _as_written(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _values(annotation: object, metadata: list[object]) -> str:
    """What it takes, in words."""
    choices = list(_choices(annotation))
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    kind = next((one for one in (bool, int, float) if _mentions(annotation, one)), str)
    bounds = [*_bounds(metadata), *_bounds(list(_metadata(annotation)))]
    return " ".join([KINDS[kind], *bounds])


KINDS: dict[type, str] = {
    bool: "`true` or `false`",
    int: "whole number",
    float: "number",
    str: "text",
}
BOUNDS = (("ge", "from {}"), ("gt", "above {}"), ("le", "to {}"), ("lt", "below {}"))


def _choices(annotation: object) -> Iterator[str]:
    if getattr(annotation, "__origin__", None) is not None and "Literal" in str(annotation):
        yield from (str(choice) for choice in get_args(annotation) if isinstance(choice, str))


def _mentions(annotation: object, kind: type) -> bool:
    return annotation is kind or any(_mentions(part, kind) for part in get_args(annotation))


def _metadata(annotation: object) -> Iterator[object]:
    for part in get_args(annotation):
        yield from getattr(part, "metadata", ())
        yield from _metadata(part)


def _bounds(metadata: list[object]) -> Iterator[str]:
    for name, words in BOUNDS:
        for one in metadata:
            bound = getattr(one, name, None)
            if bound is not None:
                yield words.format(bound)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
