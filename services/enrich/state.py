"""Enrich's memory in the log: zone state of each terminal, safe against a predecessor that wakes.

A state record's key is ``terminal/generation``. A member that lost its partitions without
noticing (a zombie) can only write under its own, lower generation, so it never replaces what
its successor wrote, compaction or not. The successor removes the older keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from services.codec import CodecError, decode_zone_state, encode_zone_state
from services.log.base import Entry
from services.model import Source, ZoneState
from services.zones.transitions import TerminalZones


class Recovered(NamedTuple):
    """What a partition's state records say."""

    states: dict[str, TerminalZones]
    applied: dict[str, int]
    """Per terminal the last offset of the fix topic that its state includes."""
    keys: dict[str, int]
    """Per terminal the generation under which its state stands."""
    generation: int
    """The highest generation seen, 0 if none."""
    obsolete: tuple[bytes, ...]
    """Keys of records that a higher generation has replaced."""
    unreadable: int


def recover(records: Mapping[bytes, bytes]) -> Recovered:
    """The state with the highest (generation, offset) of each terminal."""
    newest: dict[str, ZoneState] = {}
    obsolete: list[bytes] = []
    unreadable = 0
    for key, value in records.items():
        try:
            state = decode_zone_state(value)
        except CodecError:
            unreadable += 1
            continue
        other = newest.get(state.terminal)
        if other is None:
            newest[state.terminal] = state
        elif _rank(state) > _rank(other):
            obsolete.append(state_key(other.terminal, other.generation))
            newest[state.terminal] = state
        else:
            obsolete.append(key)
    return Recovered(
        {name: TerminalZones(state.last_time_us, state.inside) for name, state in newest.items()},
        {name: state.source.offset for name, state in newest.items()},
        {name: state.generation for name, state in newest.items()},
        max((state.generation for state in newest.values()), default=0),
        tuple(obsolete),
        unreadable,
    )


def state_key(terminal: str, generation: int) -> bytes:
    """The compaction key of a terminal's state under a generation."""
    return f"{terminal}/{generation}".encode()


def state_entries(
    states: Mapping[str, TerminalZones], terminals: Iterable[str], source: Source, generation: int
) -> list[Entry]:
    """State records of ``terminals`` as of the input record ``source``."""
    return [
        Entry(
            state_key(terminal, generation),
            encode_zone_state(
                ZoneState(
                    terminal,
                    source,
                    generation,
                    states[terminal].last_time_us,
                    states[terminal].inside,
                )
            ),
        )
        for terminal in terminals
    ]


def _rank(state: ZoneState) -> tuple[int, int]:
    return state.generation, state.source.offset
