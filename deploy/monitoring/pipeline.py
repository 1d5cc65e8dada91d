"""The dashboard *Pipeline*: from a line to a row, and whether anything is lost."""

from __future__ import annotations

from deploy.monitoring.dashboard import Dashboard
from deploy.monitoring.panels import Query, Row, figure, graph, heat_map, table

RATE = "$__rate_interval"
RED_ABOVE_0 = ((None, "green"), (1, "red"))

NOW = Row(
    "Now",
    [
        figure("Lines in", "Lines a second that terminals send.", "ops",
               "dipper:lines_read:rate5m", decimals=1),
        figure("Rejected", "Share of lines that are rejected, those of unknown terminals apart.",
               "percentunit", "dipper:rejected_lines:ratio_rate5m",
               steps=((None, "green"), (0.01, "orange"), (0.05, "red")), decimals=2),
        figure("Receipt to row, 95 %", "Within this time 95 % of fixes are in the database.", "s",
               "dipper:received_to_stored_seconds:p95_5m",
               steps=((None, "green"), (2, "orange"), (10, "red"))),
        figure("Lag", "Records that services have yet to read.", "short",
               "sum(dipper:lag_records:sum)"),
        figure("Ledger", "Whether every line and every fix is accounted for: `dipper ledger`.",
               "none", "min(dipper_ledger_balanced)", steps=((None, "red"), (1, "green")),
               words={"0": "not balanced", "1": "balanced"}),
        figure("Processes down", "Processes of Dipper that do not answer.", "short",
               'count(up{job="dipper"} == 0) or vector(0)', steps=RED_ABOVE_0),
    ],
)  # fmt: skip

FLOW = Row(
    "Flow",
    [
        graph("Lines", "A second, as ingest reads them.", "ops", {
            f"sum(rate(dipper_lines_read_total[{RATE}]))": "read",
            f"sum(rate(dipper_lines_used_total[{RATE}]))": "used",
            f"sum(rate(dipper_rejects_total[{RATE}]))": "rejected",
        }),
        graph("Fixes", "A second, from service to service. The same height when nothing lags.",
              "ops", {
            f"sum(rate(dipper_fixes_published_total[{RATE}]))": "published by ingest",
            f"sum(rate(dipper_enriched_fixes_total[{RATE}]))": "published by enrich",
            f"sum(rate(dipper_fix_quality_total[{RATE}]))": "come to the store",
        }),
        graph("Rejects by reason", "Lines a second. docs/decoding.md says what the reasons mean.",
              "ops", {
            f"sum by (reason) (rate(dipper_rejects_total[{RATE}]))": "{{reason}}",
        }, stacked=True),
    ],
)  # fmt: skip

LATENCY = Row(
    "Latency and lag",
    [
        heat_map("Receipt to row", "From the receipt of a fix's last line to its commit in the "
                 "database: how many fixes took how long.", "s",
                 f"sum by (le) (increase(dipper_received_to_stored_seconds_bucket[{RATE}]))"),
        graph("Latency", "Half and 95 % of fixes are in the database within this time. Since the "
              "fix includes the terminal, its network, and what it sends late.", "s", {
            "histogram_quantile(0.5, sum by (le) "
            f"(rate(dipper_received_to_stored_seconds_bucket[{RATE}])))": "since receipt, half",
            "histogram_quantile(0.95, sum by (le) "
            f"(rate(dipper_received_to_stored_seconds_bucket[{RATE}])))": "since receipt, 95 %",
            "histogram_quantile(0.5, sum by (le) "
            f"(rate(dipper_fix_to_stored_seconds_bucket[{RATE}])))": "since the fix, half",
        }, width=12),
        graph("Lag by topic", "Records that a service has yet to read.", "short", {
            "dipper:lag_records:sum": "{{service}} {{topic}}",
        }, width=12),
        graph("Waiting in ingest", "Bytes of records that were read and wait for the log. At its "
              "bound ingest stops reading.", "bytes", {
            "sum by (instance) (dipper_receive_buffer_bytes)": "{{instance}}",
        }, width=6),
        graph("Reading paused", "Times a second that a connection was no longer read since the log "
              "was slower.", "ops", {
            f"sum by (instance) (rate(dipper_reading_pauses_total[{RATE}]))": "{{instance}}",
        }, width=6),
    ],
)  # fmt: skip

WORK = Row(
    "Work",
    [
        graph("Time of a batch", "95 % of batches take at most so long, outputs durable.", "s", {
            "histogram_quantile(0.95, sum by (le, service) "
            f"(rate(dipper_batch_seconds_bucket[{RATE}])))": "{{service}}",
            "histogram_quantile(0.95, sum by (le) "
            f"(rate(dipper_publish_seconds_bucket[{RATE}])))": "ingest",
        }),
        graph("Records a batch", "On average.", "short", {
            f"sum by (service) (rate(dipper_batch_records_sum[{RATE}]))\n/\n"
            f"sum by (service) (rate(dipper_batch_records_count[{RATE}]))": "{{service}}",
            f"sum(rate(dipper_publish_batch_records_sum[{RATE}]))\n/\n"
            f"sum(rate(dipper_publish_batch_records_count[{RATE}]))": "ingest",
        }),
        graph("Retries and takeovers", "Times a second that something had to be tried again, or "
              "that partitions changed hands.", "ops", {
            f"sum by (service, of) (rate(dipper_retries_total[{RATE}]))": "{{service}}: {{of}}",
            f"sum(rate(dipper_publish_retries_total[{RATE}]))": "ingest: log",
            f"sum by (service) (rate(dipper_takeovers_total[{RATE}]))": "{{service}}: takeovers",
        }),
    ],
)  # fmt: skip

LEDGER = Row(
    "Ledger",
    [
        graph("Sums that do not come out", "0 if the ledger balances.", "short", {
            "max(dipper_ledger_problems)": "problems",
        }, width=6),
        figure("Deleted unread", "Records that the log deleted before a service had read them, "
               "since the services were started: they are lost.", "short",
               "sum(dipper_deleted_unread_records_total) or vector(0)", steps=RED_ABOVE_0),
        figure("Age of these figures", "Since the store has looked at the ledger.", "s",
               "time() - max(dipper_ledger_checked_timestamp_seconds)",
               steps=((None, "green"), (300, "orange"), (600, "red"))),
        table("Ledger of lines", "What became of all lines there ever were.", [
            Query("max by (state) (dipper_ledger_lines)", "", "table", True),
        ], columns={"state": "became", "Value": "lines"}, width=4),
        table("Ledger of records", "What became of all records there ever were.", [
            Query("max by (flow, state) (dipper_ledger_records)", "", "table", True),
        ], columns={"flow": "of", "state": "became", "Value": "records"}, width=6),
    ],
)  # fmt: skip

PROCESSES = Row(
    "Processes",
    [
        graph("Processor", "Cores in use.", "short", {
            f'sum by (instance) (rate(process_cpu_seconds_total{{job="dipper"}}[{RATE}]))':
                "{{instance}}",
        }),
        graph("Memory", "Resident.", "bytes", {
            'process_resident_memory_bytes{job="dipper"}': "{{instance}}",
        }),
        graph("Open files", "Connections included, as a share of what the process may have.",
              "percentunit", {
            'process_open_fds{job="dipper"} / process_max_fds{job="dipper"}': "{{instance}}",
        }),
    ],
)  # fmt: skip

PIPELINE = Dashboard(
    "pipeline",
    "Dipper: Pipeline",
    "How lines become rows, how long that takes, and whether anything is lost.",
    [NOW, FLOW, LATENCY, WORK, LEDGER, PROCESSES],
)
