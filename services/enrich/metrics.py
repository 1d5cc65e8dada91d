"""Every metric of enrich."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


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
        self.checkpoints = Counter(
            "dipper_enrich_checkpoints_total", "Times that zone state was saved.", registry=registry
        )
        self.state_records = Counter(
            "dipper_zone_state_records_total", "Zone state records published.", registry=registry
        )
