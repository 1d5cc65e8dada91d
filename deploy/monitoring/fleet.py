"""The dashboard *Fleet*: who is connected, and what they send."""

from __future__ import annotations

from deploy.monitoring.dashboard import Dashboard
from deploy.monitoring.panels import Row, figure, graph

RATE = "$__rate_interval"

NOW = Row(
    "Now",
    [
        figure("Connected", "Terminals' connections that are open.", "short",
               "sum(dipper_connections)"),
        figure("Fixes", "Fixes a second that are durable in the log.", "ops",
               "dipper:fixes_published:rate5m", decimals=1),
        figure("Late", "Share of fixes that are older than one of the same terminal before it: "
               "what was sent after a gap in the network.", "percentunit",
               "dipper:late_fixes:ratio_rate5m", decimals=1),
        figure("Quarantined", "Connections that send lines and have not said which terminal they "
               "are; their lines are rejected.", "short", "sum(dipper_quarantined_connections)",
               steps=((None, "green"), (1, "orange"))),
        figure("BeiDou share", "Share of fixes made with satellites of BeiDou; of fixes that do "
               "not say how many of those, those with a talker BD, GB or PQ.", "percentunit",
               "dipper:beidou_fixes:ratio_rate5m", decimals=1),
        figure("RTK share", "Share of fixes of the qualities rtk_fixed and rtk_float: centimetres "
               "to decimetres.", "percentunit", "dipper:rtk_fixes:ratio_rate5m", decimals=1),
    ],
)  # fmt: skip

CONNECTIONS = Row(
    "Connections",
    [
        graph("Connections", "Open at the moment.", "short", {
            "sum(dipper_connections)": "open",
            "sum(dipper_quarantined_connections)": "quarantined",
        }),
        graph("Comings", "Connections accepted and turned away a second. Many more accepted than "
              "terminals: they connect again and again.", "ops", {
            f"sum(rate(dipper_connections_opened_total[{RATE}]))": "accepted",
            f"sum(rate(dipper_connections_refused_total[{RATE}]))": "refused",
        }),
        graph("Acknowledged lines", "Lines a second that were acknowledged to terminals that asked "
              "for it.", "ops", {
            f"sum(rate(dipper_acknowledged_lines_total[{RATE}]))": "lines",
        }),
    ],
)  # fmt: skip

FIXES = Row(
    "Fixes",
    [
        graph("Fixes and messages", "A second, durable in the log.", "ops", {
            f"sum(rate(dipper_fixes_published_total[{RATE}]))": "fixes",
            f"sum(rate(dipper_late_fixes_total[{RATE}]))": "of them late",
            f"sum(rate(dipper_messages_published_total[{RATE}]))": "messages",
        }),
        graph("Quality of fixes", "A second, by what the receiver says of its position.", "ops", {
            f"sum by (fix) (rate(dipper_fix_quality_total[{RATE}]))": "{{fix}}",
        }, stacked=True),
        graph("Shares", "Of all fixes.", "percentunit", {
            "dipper:beidou_fixes:ratio_rate5m": "with BeiDou",
            "dipper:rtk_fixes:ratio_rate5m": "RTK",
            "dipper:late_fixes:ratio_rate5m": "late",
        }),
    ],
)  # fmt: skip

IDENTITY = Row(
    "Identity and limits",
    [
        graph("Claims of identity", "A second, by the way a terminal says who it is, and what came "
              "of it.", "ops", {
            f"sum by (way, outcome) (rate(dipper_logins_total[{RATE}]))": "{{way}} {{outcome}}",
        }),
        graph("Limits", "Times a second that a client ran into a limit, and connections closed "
              "since their terminal proved on a newer one who it is.", "ops", {
            f"sum by (limit) (rate(dipper_limits_exceeded_total[{RATE}]))": "{{limit}}",
            f"sum(rate(dipper_connections_displaced_total[{RATE}]))": "displaced by a newer one",
        }),
        graph("Terminals", "Those of the list in force, and those shut out for a while after too "
              "many bad lines.", "short", {
            "max(dipper_terminals_listed)": "listed",
            "sum(dipper_banned_terminals)": "shut out",
        }),
    ],
)  # fmt: skip

FLEET = Dashboard(
    "fleet",
    "Dipper: Fleet",
    "Who is connected, how many fixes come, how good they are.",
    [NOW, CONNECTIONS, FIXES, IDENTITY],
)
