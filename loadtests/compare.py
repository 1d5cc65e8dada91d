"""What changed between two runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from loadtests.document import Document
from loadtests.report import Report, Result, number

NOISE = 0.05
"""Changes below this share are called none: runs of the same code differ by so much."""
MORE_IS_BETTER = ("fixes/s", "rows/s", "records/s", "lines/s", "MB/s")
LESS_IS_BETTER = (
    *("µs", "µs/fix", "µs/row", "µs/sentence", "ms", "s", "MB", "MB/h", "bytes", "cores"),
    *("times as long", "times as much"),
)


class Change(NamedTuple):
    """One figure in both runs."""

    scenario: str
    name: str
    old: float
    new: float
    unit: str
    kind: str
    """``value`` or ``ratio``."""
    verdict: str
    """``better``, ``worse``, ``same`` or, of figures that are no merit, ``changed``."""

    @property
    def factor(self) -> float | None:
        """New / old; None where the old one is 0."""
        return self.new / self.old if self.old else None


def changes(old: Sequence[Report], new: Sequence[Report]) -> list[Change]:
    """Every figure that both have. Where both have a ratio, that is compared: it was measured
    side by side, so the machine's mood is in both of its sides."""
    before = dict(_keyed(old))
    return [_change(key, before[key], result) for key, result in _keyed(new) if key in before]


def only_in(first: Sequence[Report], second: Sequence[Report]) -> list[str]:
    """Names of figures that the second does not have."""
    there = {key for key, _ in _keyed(second)}
    return [f"{key[0]}: {key[1]}" for key, _ in _keyed(first) if key not in there]


def show_changes(old: Document, new: Sequence[Report], machine: object, console: Console) -> None:
    """As a table, what is better or worse first."""
    found = changes(old.reports, new)
    order = ("worse", "better", "changed", "same")
    table = Table(title="compared with the old run", title_justify="left")
    for name in ("scenario", "what", "old", "new", "unit", "change", ""):
        justify = "right" if name in ("old", "new", "change") else "left"
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for one in sorted(found, key=lambda change: order.index(change.verdict)):
        factor = "" if one.factor is None else f"{one.factor - 1:+.0%}"
        unit = "×" if one.kind == "ratio" else one.unit
        style = {"worse": "red", "better": "green"}.get(one.verdict)
        cells = (one.scenario, one.name, number(one.old), number(one.new), unit, factor)
        table.add_row(*cells, one.verdict, style=style)
    console.print(table)
    for text, names in (
        ("Only in the old run", only_in(old.reports, new)),
        ("Only in this run", only_in(new, old.reports)),
    ):
        if names:
            console.print(f"{text}: {'; '.join(names)}", highlight=False, markup=False)
    if old.machine != machine:
        console.print("The machines differ: only ratios can be compared.", style="yellow")


def _keyed(reports: Sequence[Report]) -> Iterator[tuple[tuple[str, str, str, str], Result]]:
    for report in reports:
        for result in report.results:
            yield (report.scenario, result.name, result.unit, result.against or ""), result


def _change(key: tuple[str, str, str, str], old: Result, new: Result) -> Change:
    scenario, name, unit, _ = key
    if old.ratio is not None and new.ratio is not None:
        before, after, kind = old.ratio, new.ratio, "ratio"
    else:
        before, after, kind = old.value, new.value, "value"
    return Change(scenario, name, before, after, unit, kind, _verdict(before, after, unit, kind))


def _verdict(old: float, new: float, unit: str, kind: str) -> str:
    if abs(new - old) <= NOISE * abs(old):
        return "same"
    more = kind == "ratio" or unit.endswith(MORE_IS_BETTER)
    if not more and unit not in LESS_IS_BETTER:
        return "changed"
    return "better" if (new > old) == more else "worse"
