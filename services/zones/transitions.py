"""From where a terminal is to where it went: enter and exit events, in event time only.

The rules, for a fix of a terminal whose newest fix so far was at ``last_time_us``:

- newer: the terminal leaves every zone it was in and is not in any more, and enters every zone it
  is in and was not; a zone with another version is another zone, so an edited zone is left in its
  old version and entered in its new one. Exits come first, each kind in the order of zone ids.
- the same time (a duplicate): nothing moves and nothing happens.
- older (late): the same, and the fix is marked late.
- without a position: the terminal stays in its zones, only its time moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from services.codec import content_id
from services.model import ZoneEvent


class TerminalZones(NamedTuple):
    """What is remembered of one terminal."""

    last_time_us: int
    inside: Mapping[str, str]
    """Zone id to zone version, for the zones that the last fix with a position lay in."""


class Folded(NamedTuple):
    """The outcome of one fix."""

    state: TerminalZones
    events: tuple[ZoneEvent, ...]
    late: bool


def fold(
    state: TerminalZones | None,
    terminal: str,
    time_us: int,
    position: tuple[float, float] | None,
    inside: Sequence[tuple[str, str]],
) -> Folded:
    """One step of the fold over a terminal's fixes.

    ``state`` is None before the terminal's first fix. ``position`` is (latitude, longitude) in
    degrees or None; ``inside`` holds the (id, version) of the zones that contain it.
    """
    if state is None:
        state = TerminalZones(time_us, {})
    elif time_us <= state.last_time_us:
        return Folded(state, (), time_us < state.last_time_us)
    if position is None:
        return Folded(TerminalZones(time_us, state.inside), (), False)
    now = dict(inside)
    if now == state.inside:
        return Folded(TerminalZones(time_us, state.inside), (), False)
    left = sorted(state.inside.items() - now.items())
    entered = sorted(now.items() - state.inside.items())
    events = (
        *(_event(terminal, zone, "exit", time_us, position) for zone in left),
        *(_event(terminal, zone, "enter", time_us, position) for zone in entered),
    )
    return Folded(TerminalZones(time_us, now), events, False)


def _event(
    terminal: str,
    zone: tuple[str, str],
    kind: Literal["enter", "exit"],
    time_us: int,
    position: tuple[float, float],
) -> ZoneEvent:
    zone_id, version = zone
    name = content_id(terminal, zone_id, version, kind, time_us)
    return ZoneEvent(name, terminal, zone_id, version, kind, time_us, *position)
