"""How ``dipper top`` draws the figures of a pipeline."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from services.runtime.figure_text import seconds_text
from services.runtime.figures import Section, started_at
from services.runtime.history import History
from services.tools.top_source import Source

BARS = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 12
PANEL_WIDTH = 59
"""Two side by side are less than 120 wide."""
TITLE_STYLES = {"Rejects": "yellow", "Lag": "cyan", "Ledger": "green"}


def frame(
    sources: Sequence[Source],
    sections: Sequence[Section],
    history: History,
    wall_clock_s: float,
    width: int,
) -> RenderableType:
    """All that is known now, in ``width`` columns of text.

    ``wall_clock_s`` is the time since 1970, for the services' age.
    """
    stacks = _stacks(sections, max(1, (width + 1) // (PANEL_WIDTH + 1)))
    side_by_side = Table.grid(padding=(0, 1, 0, 0))
    side_by_side.add_row(*[Group(*[_panel(one, history) for one in stack]) for stack in stacks])
    return Group(_services(sources, wall_clock_s), side_by_side)


def _stacks(sections: Sequence[Section], count: int) -> list[list[Section]]:
    """Sections in columns of about one height, each where there is most room."""
    stacks: list[list[Section]] = [[] for _ in range(count)]
    heights = [0] * count
    for section in sections:
        place = heights.index(min(heights))
        stacks[place].append(section)
        heights[place] += len(section.rows) + 2
    return [stack for stack in stacks if stack]


def sparkline(values: Sequence[float | None]) -> str:
    """The newest values in block characters, from 0 to their largest; a blank where there is
    none."""
    shown = values[-SPARK_WIDTH:]
    top = max((value for value in shown if value is not None), default=0.0)
    return "".join(
        " " if value is None else BARS[round(value / top * (len(BARS) - 1)) if top > 0 else 0]
        for value in shown
    )


def _services(sources: Sequence[Source], wall_clock_s: float) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for source in sources:
        table.add_row(Text(source.name, style="bold"), _state(source, wall_clock_s))
    return table


def _state(source: Source, wall_clock_s: float) -> Text:
    if source.problem is not None:
        return Text(f"unreachable: {source.problem}", style="bold red")
    if source.interval is None:
        return Text("first look", style="dim")
    began = started_at(source.interval)
    return Text(
        "answers" if began is None else f"up {seconds_text(max(0.0, wall_clock_s - began))}",
        style="green",
    )


def _panel(section: Section, history: History) -> Panel:
    table = Table(box=None, padding=(0, 1, 0, 0), show_header=False, expand=True)
    table.add_column(ratio=1, overflow="ellipsis", no_wrap=True)
    table.add_column(width=SPARK_WIDTH, justify="right", no_wrap=True, style="cyan")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, style="dim")
    for row in section.rows:
        table.add_row(
            Text(row.label), sparkline(history.of(row.key)), Text(row.text), Text(row.detail)
        )
    return Panel(
        table,
        title=section.title,
        title_align="left",
        width=PANEL_WIDTH,
        border_style=TITLE_STYLES.get(section.title, "blue"),
    )
