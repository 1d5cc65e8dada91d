"""The figures of a conformity report as short texts, one subject after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from services.tools.check_facts import Facts
from services.tools.check_histogram import Spread
from services.tools.check_thresholds import MAX_SENTENCE_BYTES
from services.tools.check_verdict import at, duration, number, percent


def figures(facts: Facts) -> Iterator[tuple[str, str]]:
    """Name and text of each figure; what the stream says nothing about is left out."""
    yield from _line_figures(facts)
    if facts.epochs.count:
        yield from _epoch_figures(facts)
        yield from _fix_figures(facts)


def _line_figures(facts: Facts) -> Iterator[tuple[str, str]]:
    lines = facts.lines
    total = lines.used + lines.rejected
    glued = "" if total == lines.physical else f", on {lines.physical:,} physical lines"
    yield "bytes", f"{lines.bytes:,}"
    yield "lines", f"{total:,}: {lines.used:,} used, {lines.rejected:,} rejected{glued}"
    if sum(lines.ends.values()):
        ends = {"CR LF": "crlf", "LF": "lf", "CR": "cr"}
        yield "line ends", ", ".join([f"{lines.ends[key]:,} {name}" for name, key in ends.items()])
    if facts.accepted:
        over = f"{lines.over_limit:,} over {MAX_SENTENCE_BYTES} bytes"
        yield "line length", f"longest {lines.longest} bytes, {over}"
        yield "talkers", ", ".join([f"{name} {count:,}" for name, count in facts.talkers.items()])
    for each in facts.identities:
        yield f"identity, {each.kind}", f"{each.terminal} ({each.count:,} times)"


def _epoch_figures(facts: Facts) -> Iterator[tuple[str, str]]:
    epochs = facts.epochs
    dated = "all with a date" if not epochs.undated else f"{epochs.undated:,} without a date"
    yield "epochs", f"{epochs.count:,}, {dated}"
    if epochs.interval_s is not None:
        yield "interval", _spread(epochs.interval_s, duration)
    for gap in epochs.longest_gaps:
        yield "gap", f"{duration(gap.seconds)} before {at(facts, gap.end)}"
    if more := epochs.gaps - len(epochs.longest_gaps):
        yield "gap", f"{more:,} more, shorter"
    for step in epochs.first_steps_back:
        yield "time goes back", f"{duration(step.seconds)} in {at(facts, step.place)}"
    if more := epochs.steps_back - len(epochs.first_steps_back):
        yield "time goes back", f"{more:,} more"
    yield "repeated times", f"{epochs.duplicates:,}"
    yield "midnights", f"{epochs.midnights:,}"
    yield "usual order", " ".join(epochs.usual_order)


def _fix_figures(facts: Facts) -> Iterator[tuple[str, str]]:
    fixes = facts.fixes
    total = facts.epochs.count
    qualities = [f"{name} {100 * count / total:.3g} %" for name, count in fixes.qualities.items()]
    yield "fix quality", ", ".join(qualities)
    if fixes.seconds_to_first is not None:
        yield "time to first fix", f"{duration(fixes.seconds_to_first)} after the first epoch"
    if fixes.hdop is not None:
        yield "HDOP", f"p50 {fixes.hdop.median:g}, p95 {fixes.hdop.p95:g}"
    if fixes.satellites_used is not None:
        yield "satellites used", _spread(fixes.satellites_used, number)
    for each in fixes.constellations:
        used = f"used in {percent(each.fixes_using, fixes.told_satellites)} fixes"
        told = used if fixes.told_satellites else "use not told"
        yield each.name, f"{told}, in view in {percent(each.fixes_seeing, total)} epochs"
    for jump in fixes.first_jumps:
        moved = f"{jump.distance_m:,.0f} m in {duration(jump.seconds)} ({jump.speed_kmh:,.0f} km/h)"
        yield "position jump", f"{moved}, {at(facts, jump.place)}"
    if more := fixes.jumps - len(fixes.first_jumps):
        yield "position jump", f"{more:,} more"
    for differing in fixes.first_disagreements:
        yield "RMC, GGA differ", f"by {differing.degrees:.2g}°, {at(facts, differing.place)}"
    if more := fixes.disagreements - len(fixes.first_disagreements):
        yield "RMC, GGA differ", f"{more:,} more"


def _spread(spread: Spread, shown: Callable[[float], str]) -> str:
    minimum, median, maximum = map(shown, (spread.minimum, spread.median, spread.maximum))
    return f"median {median}, from {minimum} to {maximum}"
