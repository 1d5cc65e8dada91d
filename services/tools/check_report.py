"""A conformity report for people and for programs. Values in, tables or JSON out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from services.tools.check_facts import Facts
from services.tools.check_figures import figures
from services.tools.check_verdict import Check, Level, at, conforms

STYLES: dict[Level, str] = {"failed": "bold red", "note": "yellow", "ok": "green"}
ORDER: tuple[Level, ...] = ("failed", "note", "ok")
MAX_SENTENCES = 30


def report_json(facts: Facts, checks: Sequence[Check]) -> bytes:
    """``{"conforms", "checks": […], "facts": {…}}``; the names are those of check_facts."""
    report = {"conforms": conforms(checks), "checks": checks, "facts": facts}
    return orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def print_report(facts: Facts, checks: Sequence[Check], console: Console) -> None:
    """The verdict first, then the checks (the worst first), then what they rest on."""
    console.print(verdict(facts, checks), soft_wrap=True)
    for part in _parts(facts, checks):
        console.print()
        console.print(part)


def verdict(facts: Facts, checks: Sequence[Check]) -> Text:
    """One line: conforms or not, and how many checks failed or noted something."""
    counts = {level: sum(check.level == level for check in checks) for level in ORDER}
    good = conforms(checks)
    word, style = ("CONFORMS", "bold green") if good else ("DOES NOT CONFORM", "bold red")
    text = Text().append(word, style)
    text.append(f": {counts['failed']} failed, {counts['note']} noted, {counts['ok']} ok")
    return text.append(f"  ({', '.join(facts.files)})", "dim")


def _parts(facts: Facts, checks: Sequence[Check]) -> Iterator[RenderableType]:
    yield _checks_table(checks)
    if facts.lines.rejections:
        yield _rejections_table(facts)
    if facts.sentences:
        yield _sentences_table(facts)
    yield _figures_table(facts)


def _checks_table(checks: Sequence[Check]) -> Table:
    table = _table("check", "", "found", "remedy")
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    table.columns[2].ratio = table.columns[3].ratio = 1
    table.expand = any(check.remedy for check in checks)
    for check in sorted(checks, key=lambda check: ORDER.index(check.level)):
        level = Text(check.level, STYLES[check.level])
        table.add_row(Text(check.name), level, Text(check.found), Text(check.remedy))
    return table


def _rejections_table(facts: Facts) -> Table:
    table = _table("rejected lines", "count", "first", "example", right=("count",))
    for each in facts.lines.rejections:
        cells = (each.reason, f"{each.count:,}", at(facts, each.first), each.example)
        table.add_row(*map(Text, cells))
    table.columns[0].no_wrap = True
    return table


def _sentences_table(facts: Facts) -> Table:
    numbers = ("count", "share", "rate")
    table = _table("sentence", *numbers, right=numbers)
    for each in facts.sentences[:MAX_SENTENCES]:
        rate = "" if each.rate_hz is None else f"{each.rate_hz:.3g} Hz"
        share = f"{100 * each.share:.1f} %"
        table.add_row(Text(each.talker + each.sentence), f"{each.count:,}", share, rate)
    if more := facts.sentences[MAX_SENTENCES:]:
        table.add_row(f"{len(more)} more kinds", f"{sum(each.count for each in more):,}", "", "")
    return table


def _figures_table(facts: Facts) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in figures(facts):
        table.add_row(Text(name), Text(value))
    return table


def _table(*headings: str, right: Sequence[str] = ()) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        header_style="bold",
    )
    for heading in headings:
        justify = "right" if heading in right else "left"
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    return table
