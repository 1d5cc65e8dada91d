"""The dashboard *Store*: what the database is given, and how it takes it."""

from __future__ import annotations

from deploy.monitoring.dashboard import Dashboard
from deploy.monitoring.panels import Row, figure, graph, heat_map

RATE = "$__rate_interval"

NOW = Row(
    "Now",
    [
        figure("Rows", "New rows a second, of all tables.", "ops",
               f"sum(rate(dipper_stored_rows_total[{RATE}]))", decimals=1),
        figure("Time of a batch", "95 % of batches take at most so long.", "s",
               "histogram_quantile(0.95, sum by (le) "
               f'(rate(dipper_batch_seconds_bucket{{service="store"}}[{RATE}])))'),
        figure("Lag", "Records that the store has yet to read.", "short",
               'sum(dipper:lag_records:sum{service="store"})'),
        figure("On the way", "Fixes that are in the log and not in the database, when the ledger "
               "was looked at last.", "short",
               'max(dipper_ledger_records{flow="fixes", state="in_flight"})'),
        figure("New dead letters", "Records of the last hour that became no rows; they are in the "
               "table rejects.", "short", "sum(increase(dipper_store_dead_letters_total[1h]))",
               steps=((None, "green"), (1, "red")), decimals=0),
        figure("Chunks", "Of the table positions; 0 without TimescaleDB.", "short",
               "max(dipper_chunks)"),
    ],
)  # fmt: skip

ROWS = Row(
    "Rows",
    [
        graph("New rows", "A second, by table.", "ops", {
            f"sum by (table) (rate(dipper_stored_rows_total[{RATE}]))": "{{table}}",
        }, stacked=True),
        graph("Duplicates", "Records a second whose row was there already: a terminal or a service "
              "sent it again. They do no harm.", "ops", {
            f"sum by (table) (rate(dipper_duplicate_rows_total[{RATE}]))": "{{table}}",
            f"sum(rate(dipper_redelivered_fixes_total[{RATE}]))": "published twice by enrich",
        }),
        graph("Dead letters", "Records a second that became no row, by reason.", "ops", {
            f"sum by (reason) (rate(dipper_store_dead_letters_total[{RATE}]))": "{{reason}}",
        }),
    ],
)  # fmt: skip

BATCHES = Row(
    "Batches",
    [
        heat_map("Times of batches", "How many batches took how long, the commit included.", "s",
                 f'sum by (le) (increase(dipper_batch_seconds_bucket{{service="store"}}[{RATE}]))'),
        graph("Batches", "A second.", "ops", {
            f'sum(rate(dipper_batch_seconds_count{{service="store"}}[{RATE}]))': "batches",
            f'sum by (of) (rate(dipper_retries_total{{service="store"}}[{RATE}]))':
                "retries: {{of}}",
            f"sum(rate(dipper_store_fenced_total[{RATE}]))": "left to another process",
        }, width=6),
        graph("Chunks over time", "Of the table positions.", "short", {
            "max(dipper_chunks)": "chunks",
        }, width=6),
    ],
)  # fmt: skip

STORE = Dashboard(
    "store",
    "Dipper: Store",
    "What the database is given, and how it takes it.",
    [NOW, ROWS, BATCHES],
)
