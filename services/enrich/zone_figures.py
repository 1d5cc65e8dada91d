"""What the metrics say of zones: which are in force, and who is in them. Pure.

Zones are named by whoever draws them, so their kinds and versions may be many; a metric has at most
``MOST`` label values, and what is left counts as ``other``.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from services.zones.transitions import TerminalZones
from services.zones.zone import Zone

MOST = 50
OTHER = "other"


def versions(zones: Sequence[Zone]) -> dict[tuple[str, str], int]:
    """How many zones there are by kind and version; those beyond the largest ``MOST`` pairs by
    kind alone, or together if the kinds are too many, too."""
    kinds = _largest(Counter(zone.kind for zone in zones))
    pairs = Counter((_known(zone.kind, kinds), zone.version) for zone in zones)
    kept = dict(pairs.most_common(MOST))
    for (kind, version), count in pairs.items():
        if (kind, version) not in kept:
            kept[kind, OTHER] = kept.get((kind, OTHER), 0) + count
    return kept


def fingerprint(zones: Iterable[Zone]) -> int:
    """A number of 48 bits that depends on ids and versions, not on the order; 0 for no zones."""
    named = sorted((zone.id, zone.version) for zone in zones)
    if not named:
        return 0
    return int.from_bytes(hashlib.sha256(repr(named).encode()).digest()[:6], "big")


def inside_by_kind(states: Iterable[TerminalZones], kind_of: Mapping[str, str]) -> dict[str, int]:
    """How many terminals are inside a zone of each kind; 0 for kinds that nobody is in.

    ``kind_of`` maps the ids of the zones in force to their kinds.
    """
    counts = Counter(dict.fromkeys(kind_of.values(), 0))
    for state in states:
        if state.inside:
            counts.update({kind_of[zone] for zone in state.inside if zone in kind_of})
    kept = _largest(counts)
    for kind, count in counts.items():
        if kind not in kept:
            kept[OTHER] = kept.get(OTHER, 0) + count
    return kept


def _largest(counts: Counter[str]) -> dict[str, int]:
    return dict(counts.most_common(MOST))


def _known(kind: str, kinds: Mapping[str, int]) -> str:
    return kind if kind in kinds else OTHER
