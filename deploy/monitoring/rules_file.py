"""The rules as the YAML file that Prometheus reads."""

from __future__ import annotations

import json

from deploy.monitoring.alerts import Alert, alerts
from deploy.monitoring.recording import Recording, recordings
from deploy.monitoring.timing import Timing, duration

HEADER = "# Written by `python -m deploy.monitoring`: change deploy/monitoring and run that.\n"


def rules_yaml(timing: Timing, interval_s: float | None = None) -> str:
    """Recording rules, then alerts. ``interval_s`` is how often they are evaluated; None for as
    often as Prometheus's own configuration says."""
    return (
        HEADER
        + "groups:\n"
        + _group("dipper-figures", interval_s)
        + "".join(map(_recording, recordings(timing)))
        + _group("dipper-alerts", interval_s)
        + "".join(map(_alert, alerts(timing)))
    )


def _group(name: str, interval_s: float | None) -> str:
    interval = "" if interval_s is None else f"    interval: {duration(interval_s)}\n"
    return f"  - name: {name}\n{interval}    rules:\n"


def _recording(rule: Recording) -> str:
    return f"      - record: {rule.name}\n{_expr(rule.expr)}"


def _alert(alert: Alert) -> str:
    hold = f"        for: {duration(alert.hold)}\n" if alert.hold else ""
    texts = {
        "summary": alert.summary,
        "description": alert.description,
        "runbook_url": alert.runbook,
    }
    return (
        f"      - alert: {alert.name}\n{_expr(alert.expr)}{hold}"
        f"        labels:\n          severity: {alert.severity}\n        annotations:\n"
        # A JSON string is a YAML string.
        + "".join(f"          {name}: {json.dumps(text)}\n" for name, text in texts.items())
    )


def _expr(expr: str) -> str:
    lines = "".join(f"          {line}\n" for line in expr.splitlines())
    return f"        expr: |-\n{lines}"
