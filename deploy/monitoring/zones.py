"""The dashboard *Zones*: who comes and goes, and which zones are in force."""

from __future__ import annotations

from deploy.monitoring.dashboard import Dashboard
from deploy.monitoring.panels import Query, Row, figure, graph, table

RATE = "$__rate_interval"

NOW = Row(
    "Now",
    [
        figure("Terminals inside", "Inside at least one zone, as of the last checkpoint.", "short",
               "sum(dipper_inside_zone_terminals)", width=6),
        figure("Events", "Enter and exit events of the last hour.", "short",
               "sum(increase(dipper_zone_events_total[1h]))", width=6, decimals=0),
        figure("Zones in force", "As enrich has them.", "short", "max(dipper_zones)", width=6),
        figure("Sets of zones", "More than one: processes of enrich work with different zones.",
               "short", 'count(count_values("fingerprint", dipper_zones_fingerprint))',
               steps=((None, "green"), (2, "red")), width=6),
    ],
)  # fmt: skip

COMINGS = Row(
    "Coming and going",
    [
        graph("Events by kind", "A second.", "ops", {
            f"sum by (kind) (rate(dipper_zone_events_total[{RATE}]))": "{{kind}}",
        }, width=12),
        graph("Terminals inside now", "By the kind of the zone; one that is inside two kinds "
              "counts in both.", "short", {
            "sum by (kind) (dipper_inside_zone_kind_terminals)": "{{kind}}",
        }, width=12),
    ],
)  # fmt: skip

IN_FORCE = Row(
    "Zones in force",
    [
        table("Zone versions in force", "How many zones of which kind and version.", [
            Query("max by (kind, version) (dipper_zone_versions)", "", "table", True),
        ], columns={"kind": "kind", "version": "version", "Value": "zones"}),
        graph("Zone state", "What enrich saves so that no event is lost or comes twice: records "
              "and checkpoints a second.", "ops", {
            f"sum(rate(dipper_zone_state_records_total[{RATE}]))": "state records",
            f"sum(rate(dipper_enrich_checkpoints_total[{RATE}]))": "checkpoints",
        }),
        graph("Left out", "Fixes a second that enrich read again after a restart and whose outputs "
              "were there, and records that are no fixes.", "ops", {
            f"sum(rate(dipper_enrich_skipped_fixes_total[{RATE}]))": "read again",
            f"sum(rate(dipper_enrich_dead_letters_total[{RATE}]))": "no fixes",
        }),
    ],
)  # fmt: skip

ZONES = Dashboard(
    "zones",
    "Dipper: Zones",
    "Who comes and goes, and which zones are in force.",
    [NOW, COMINGS, IN_FORCE],
)
