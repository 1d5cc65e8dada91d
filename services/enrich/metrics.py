"""Every metric of enrich."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.enrich import zone_figures
from services.zones.transitions import TerminalZones
from services.zones.zone import Zone


class EnrichMetrics:
    """Enrich's metrics in one registry. They move once a batch, not once a fix."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.fixes = Counter(
            "dipper_enriched_fixes_total", "Fixes that enrich has published.", registry=registry
        )
        self.late_fixes = Counter(
            "dipper_late_fixes_total",
            "Fixes older than one of the same terminal that was seen before.",
            registry=registry,
        )
        self.skipped_fixes = Counter(
            "dipper_enrich_skipped_fixes_total",
            "Fixes read again after a restart whose outputs were published before it.",
            registry=registry,
        )
        self.dead_letters = Counter(
            "dipper_enrich_dead_letters_total",
            "Records of the fix topic that are no fixes.",
            registry=registry,
        )
        self.zone_events = Counter(
            "dipper_zone_events_total", "Zone events published.", ["kind"], registry=registry
        )
        self.zones = Gauge("dipper_zones", "Zones in force.", registry=registry)
        self.inside = Gauge(
            "dipper_inside_zone_terminals",
            "Terminals inside at least one zone, as of the last checkpoint.",
            registry=registry,
        )
        self.zone_versions = Gauge(
            "dipper_zone_versions",
            "Zones in force, by kind and version; beyond 50 pairs the smallest are told together, "
            "with version other.",
            ["kind", "version"],
            registry=registry,
        )
        self.zones_fingerprint = Gauge(
            "dipper_zones_fingerprint",
            "A number that stands for the zones in force and their versions: processes of enrich "
            "that show different ones work with different zones.",
            registry=registry,
        )
        self.inside_kind = Gauge(
            "dipper_inside_zone_kind_terminals",
            "Terminals inside at least one zone of a kind, as of the last checkpoint; beyond 50 "
            "kinds the smallest are told together, as other.",
            ["kind"],
            registry=registry,
        )
        self.checkpoints = Counter(
            "dipper_enrich_checkpoints_total", "Times that zone state was saved.", registry=registry
        )
        self.state_records = Counter(
            "dipper_zone_state_records_total", "Zone state records published.", registry=registry
        )
        for kind in ("enter", "exit"):
            self.zone_events.labels(kind)

    def show_zones(self, zones: Sequence[Zone]) -> None:
        """These zones are in force."""
        self.zones.set(len(zones))
        self.zones_fingerprint.set(zone_figures.fingerprint(zones))
        self.zone_versions.clear()
        for (kind, version), count in zone_figures.versions(zones).items():
            self.zone_versions.labels(kind, version).set(count)

    def show_inside(self, states: Iterable[TerminalZones], kind_of: Mapping[str, str]) -> None:
        """Where the terminals are; ``kind_of`` maps the ids of the zones in force to kinds."""
        held = [state for state in states if state.inside]
        self.inside.set(len(held))
        self.inside_kind.clear()
        for kind, count in zone_figures.inside_by_kind(held, kind_of).items():
            self.inside_kind.labels(kind).set(count)
