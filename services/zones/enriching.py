"""A batch of fixes through the index and the fold: the same code for the service and offline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from services.model import Fix, Waypoint, ZoneEvent
from services.zones.index import ZoneIndex
from services.zones.transitions import TerminalZones, fold

Columns: TypeAlias = tuple[list[float | None], list[float | None], list[int | None]]
"""Latitudes and longitudes in degrees, None where there is no position, and times."""


class Enriched(NamedTuple):
    """What the zones say about one fix."""

    zones: tuple[str, ...]
    """Sorted ids of the zones that contain the fix."""
    late: bool
    events: tuple[ZoneEvent, ...]


QUIET = Enriched((), False, ())
"""Of a fix in no zone that tells nothing: always this very object."""

Step: TypeAlias = Callable[[Fix | Waypoint, tuple[str, ...]], Enriched]
"""What a fix with its zones says, after those before it."""

columns: Callable[[Sequence[Fix | Waypoint]], Columns | None] | None = None
"""``_columns``, compiled; None if not all are Waypoints."""

fold_quiet: Callable[..., list[Enriched]] | None = None
"""``fold_quiet(fixes, zones, states, versions, step)`` is step for each fix, in order; compiled for
Waypoints with which their terminals stay in the zones where they were."""
try:
    import services.zones._batch as _batch  # noqa: PLR0402
except ImportError:
    pass  # The Python code below does all of it.
else:
    _batch.setup(Waypoint, TerminalZones, Enriched, QUIET)
    columns, fold_quiet = _batch.columns, _batch.fold_quiet


def enrich_fixes(
    index: ZoneIndex, states: dict[str, TerminalZones], fixes: Sequence[Fix | Waypoint]
) -> list[Enriched]:
    """One result a fix, in order; ``states`` (by terminal) is moved on in place.

    The result depends on the order of each terminal's fixes and on nothing else: not on how they
    were cut into batches. A fix without a position, or of quality ``none``, lies in no zone. A fix
    without a time (no date yet) moves no state and lies in zones without validity only.
    """
    known = columns(fixes) if columns is not None else None
    zones = index.containing_many(*(known or _columns(fixes)))
    step = _step(states, index.versions)
    if fold_quiet is not None:
        return fold_quiet([*fixes], zones, states, index.versions, step)
    return [*map(step, fixes, zones)]


def _step(states: dict[str, TerminalZones], versions: Mapping[str, str]) -> Step:
    def step(fix: Fix | Waypoint, zones: tuple[str, ...]) -> Enriched:
        terminal, time_us = fix.terminal, fix.time_us
        if time_us is None:
            return Enriched(zones, False, ()) if zones else QUIET
        state = states.get(terminal)
        if not zones and state is not None and not state.inside and time_us > state.last_time_us:
            # By far the most frequent case: in no zone before and in no zone now.
            states[terminal] = TerminalZones(time_us, state.inside)
            return QUIET
        inside = [(zone, versions[zone]) for zone in zones]
        moved, events, late = fold(state, terminal, time_us, _position(fix), inside)
        states[terminal] = moved
        return Enriched(zones, late, events) if zones or late or events else QUIET

    return step


def _columns(fixes: Sequence[Fix | Waypoint]) -> Columns:
    placed = [_position(fix) for fix in fixes]
    return (
        [None if at is None else at[0] for at in placed],
        [None if at is None else at[1] for at in placed],
        [fix.time_us for fix in fixes],
    )


def _position(fix: Fix | Waypoint) -> tuple[float, float] | None:
    if fix.lat is None or fix.lon is None or fix.fix == "none":
        return None
    return fix.lat, fix.lon
