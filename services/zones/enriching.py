"""A batch of fixes through the index and the fold: the same code for the service and offline."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import NamedTuple

from services.model import Fix, Waypoint, ZoneEvent
from services.zones.index import ZoneIndex
from services.zones.transitions import TerminalZones, fold


class Enriched(NamedTuple):
    """What the zones say about one fix."""

    zones: tuple[str, ...]
    """Sorted ids of the zones that contain the fix."""
    late: bool
    events: tuple[ZoneEvent, ...]


_QUIET = Enriched((), False, ())


def enrich_fixes(
    index: ZoneIndex, states: MutableMapping[str, TerminalZones], fixes: Sequence[Fix | Waypoint]
) -> list[Enriched]:
    """One result a fix, in order; ``states`` (by terminal) is moved on in place.

    The result depends on the order of each terminal's fixes and on nothing else: not on how they
    were cut into batches. A fix without a position, or of quality ``none``, lies in no zone. A fix
    without a time (no date yet) moves no state and lies in zones without validity only.
    """
    placed = [_position(fix) for fix in fixes]
    zones = index.containing_many(
        [None if at is None else at[0] for at in placed],
        [None if at is None else at[1] for at in placed],
        [fix.time_us for fix in fixes],
    )
    versions = index.versions
    results = []
    for fix, position, ids in zip(fixes, placed, zones, strict=True):
        terminal, time_us = fix.terminal, fix.time_us
        if time_us is None:
            results.append(Enriched(ids, False, ()))
            continue
        state = states.get(terminal)
        if not ids and state is not None and not state.inside and time_us > state.last_time_us:
            # By far the most frequent case: in no zone before and in no zone now.
            states[terminal] = TerminalZones(time_us, state.inside)
            results.append(_QUIET)
            continue
        inside = [(zone, versions[zone]) for zone in ids]
        moved, events, late = fold(state, terminal, time_us, position, inside)
        states[terminal] = moved
        results.append(Enriched(ids, late, events) if ids or late or events else _QUIET)
    return results


def _position(fix: Fix | Waypoint) -> tuple[float, float] | None:
    if fix.lat is None or fix.lon is None or fix.fix == "none":
        return None
    return fix.lat, fix.lon
