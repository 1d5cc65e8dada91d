"""Every metric of the enrich service."""

from prometheus_client import Counter, Gauge

FIXES = Counter("dipper_enriched_fixes_total", "Fixes that enrich has published")
LATE_FIXES = Counter(
    "dipper_late_fixes_total", "Fixes older than one of the same terminal seen before"
)
SKIPPED_FIXES = Counter(
    "dipper_enrich_skipped_fixes_total",
    "Fixes read again after a restart whose outputs were published before it",
)
DEAD_LETTERS = Counter(
    "dipper_enrich_dead_letters_total", "Records of the fix topic that are no fixes"
)
ZONE_EVENTS = Counter("dipper_zone_events_total", "Zone events published", ["kind"])
ZONES = Gauge("dipper_zones", "Zones in force")
INSIDE = Gauge("dipper_inside_zone_terminals", "Terminals inside at least one zone now")
CHECKPOINTS = Counter("dipper_enrich_checkpoints_total", "Times that zone state was saved")
STATE_RECORDS = Counter("dipper_zone_state_records_total", "Zone state records published")
