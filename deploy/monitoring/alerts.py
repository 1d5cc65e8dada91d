"""Alert rules. Each has a page in docs/runbooks that is named after it."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from deploy.monitoring.timing import Timing, duration

RUNBOOKS = "docs/runbooks"
SHOWN_ALWAYS = {
    "ingest": "dipper_connections",
    "enrich": "dipper_zones",
    "store": "dipper_ledger_checked_timestamp_seconds",
}
"""By service a metric that each of its processes shows from the beginning."""


class Alert(NamedTuple):
    """A condition that somebody has to know of."""

    name: str
    expr: str
    hold: float
    """For how many seconds the condition has to hold."""
    severity: Literal["critical", "warning"]
    """Critical: data or service is at risk now. Warning: look at it today."""
    summary: str
    description: str
    """A template of Prometheus: ``{{ $value }}`` is what the query gave."""

    @property
    def runbook(self) -> str:
        """The page that says what to do: a path in the repository."""
        words = re.findall("[A-Z][a-z]+", self.name.removeprefix("Dipper"))
        return f"{RUNBOOKS}/{'-'.join(words).lower()}.md"


def alerts(timing: Timing) -> list[Alert]:
    """All of them, the most urgent first."""
    return [
        *_processes(timing),
        *_database_and_log(timing),
        *_ledger(timing),
        *_fleet(timing),
    ]


def _processes(timing: Timing) -> list[Alert]:
    settled = duration(timing.settled)
    return [
        Alert(
            "DipperServiceDown",
            'up{job="dipper"} == 0',
            timing.soon,
            "critical",
            "A process of Dipper does not answer",
            "{{ $labels.instance }} has not answered on /metrics.",
        ),
        Alert(
            "DipperServiceMissing",
            "\nor\n".join(
                f'label_replace(absent({metric}), "service", "{service}", "", "")'
                for service, metric in SHOWN_ALWAYS.items()
            ),
            timing.soon,
            "critical",
            "No process of a service is there",
            "There is no {{ $labels.service }} that answers on /metrics.",
        ),
        Alert(
            "DipperFilesRunningOut",
            'process_open_fds{job="dipper"} / process_max_fds{job="dipper"} > 0.8',
            timing.soon,
            "warning",
            "A process of Dipper is near its limit of open files",
            "{{ $labels.instance }} has {{ $value | humanizePercentage }} of the files and "
            "connections open that it may have.",
        ),
        Alert(
            "DipperZonesDiffer",
            "max(dipper_zones_fingerprint) != min(dipper_zones_fingerprint)",
            timing.settled,
            "warning",
            "Processes of enrich work with different zones",
            f"For {settled} not all processes of enrich have had the same zones in force.",
        ),
    ]


def _database_and_log(timing: Timing) -> list[Alert]:
    away = duration(timing.while_away)
    waiting = (
        f"min by (instance) (min_over_time(dipper_receive_buffer_bytes[{away}])) > 0\nand\n"
        f"sum by (instance) (rate(dipper_publish_seconds_count[{away}])) == 0"
    )
    return [
        Alert(
            "DipperDatabaseAway",
            f'sum by (instance) (increase(dipper_retries_total{{of="database"}}[{away}])) > 0',
            timing.settled,
            "critical",
            "The database does not answer the store",
            "{{ $labels.instance }} tries again and again to write to the database. Fixes wait in "
            "the log.",
        ),
        Alert(
            "DipperLogAway",
            f"({waiting})\nor\n"
            f'sum by (instance) (increase(dipper_retries_total{{of="log"}}[{away}])) > 0',
            timing.settled,
            "critical",
            "Kafka does not answer",
            "{{ $labels.instance }} can not write to the log or read from it. Terminals are not "
            "read once its buffer is full.",
        ),
        Alert(
            "DipperLag",
            "dipper:lag_records:sum\n"
            f"> {timing.behind:g} * scalar(dipper:fixes_published:rate5m or vector(0))",
            timing.later,
            "warning",
            "A service falls behind",
            "{{ $labels.service }} has {{ $value | humanize }} records of {{ $labels.topic }} "
            "still to read.",
        ),
        Alert(
            "DipperSlow",
            f"dipper:received_to_stored_seconds:p95_5m > {timing.slow:g}",
            timing.soon,
            "warning",
            "Fixes reach the database late",
            "One fix in twenty takes {{ $value | humanizeDuration }} or more from its receipt to "
            "the database.",
        ),
    ]


def _ledger(timing: Timing) -> list[Alert]:
    usual = duration(timing.usual)
    return [
        Alert(
            "DipperLedgerUnbalanced",
            "min(dipper_ledger_balanced) == 0",
            timing.soon,
            "critical",
            "The loss ledger does not balance",
            "Lines or fixes are missing, or came twice: `dipper ledger` says which.",
        ),
        Alert(
            "DipperDeletedUnread",
            "sum by (service, topic) (dipper_deleted_unread_records_total) > 0",
            0,
            "critical",
            "The log has deleted records that were not read",
            "{{ $value }} records of {{ $labels.topic }} were deleted before {{ $labels.service }} "
            "had read them: they are lost.",
        ),
        Alert(
            "DipperLedgerNotChecked",
            f"time() - max(dipper_ledger_checked_timestamp_seconds) > {timing.stale:g}",
            timing.soon,
            "warning",
            "Nobody looks at the loss ledger",
            "The store looked at the ledger {{ $value | humanizeDuration }} ago.",
        ),
        Alert(
            "DipperDeadLetters",
            f"sum by (reason) (increase(dipper_store_dead_letters_total[{usual}])) > 0",
            0,
            "warning",
            "Records became no rows",
            "About {{ $value | humanize }} records became dead letters: {{ $labels.reason }}. They "
            "are kept in the table rejects.",
        ),
    ]


def _fleet(timing: Timing) -> list[Alert]:
    recent, usual = duration(timing.recent), duration(timing.usual)
    return [
        Alert(
            "DipperFleetSilent",
            "dipper:lines_read:rate5m == 0\nand\n"
            f"max_over_time(dipper:lines_read:rate5m[{usual}]) > 0",
            timing.soon,
            "critical",
            "No terminal sends any more",
            f"No line was read for {recent}, and there were some in the last {usual}.",
        ),
        Alert(
            "DipperManyRejects",
            "dipper:rejected_lines:ratio_rate5m > 0.05",
            timing.later,
            "warning",
            "Many lines are rejected",
            "{{ $value | humanizePercentage }} of the lines that terminals send are rejected.",
        ),
        Alert(
            "DipperTerminalsQuarantined",
            "sum(dipper_quarantined_connections) > 0",
            timing.later,
            "warning",
            "Terminals send without saying who they are",
            "Connections that send lines and have not said which terminal they are: {{ $value }}. "
            "Their lines are rejected.",
        ),
        Alert(
            "DipperConnectionsRefused",
            f"sum(increase(dipper_connections_refused_total[{recent}])) > 0",
            0,
            "warning",
            "Terminals are turned away",
            "About {{ $value | humanize }} connections were refused within "
            f"{recent} since a limit was reached.",
        ),
    ]
