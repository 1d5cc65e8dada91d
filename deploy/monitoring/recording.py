"""Recording rules: figures that several panels and alerts share."""

from __future__ import annotations

from typing import NamedTuple

from deploy.monitoring.timing import Timing, duration

REJECTS = 'dipper_rejects_total{reason!="unidentified"}'


class Recording(NamedTuple):
    """A query whose result Prometheus keeps under a name."""

    name: str
    expr: str


def recordings(timing: Timing) -> list[Recording]:
    """All of them, over all processes of Dipper together."""
    recent = duration(timing.recent)

    def rate(metric: str) -> str:
        return f"sum(rate({metric}[{recent}]))"

    def ratio(part: str, whole: str) -> str:
        return f"{rate(part)}\n/\n{rate(whole)}"

    quality = "dipper_fix_quality_total"
    buckets = f"sum by (le) (rate(dipper_received_to_stored_seconds_bucket[{recent}]))"
    return [
        Recording("dipper:lines_read:rate5m", rate("dipper_lines_read_total")),
        Recording("dipper:fixes_published:rate5m", rate("dipper_fixes_published_total")),
        Recording(
            "dipper:rejected_lines:ratio_rate5m",
            # Reasons show up when they occur: without any, nothing is rejected.
            f"({rate(REJECTS)} or vector(0))\n/\n" + rate("dipper_lines_read_total"),
        ),
        Recording(
            "dipper:late_fixes:ratio_rate5m",
            ratio("dipper_late_fixes_total", "dipper_enriched_fixes_total"),
        ),
        Recording("dipper:beidou_fixes:ratio_rate5m", ratio("dipper_beidou_fixes_total", quality)),
        Recording(
            "dipper:rtk_fixes:ratio_rate5m",
            ratio(quality + '{fix=~"rtk_fixed|rtk_float"}', quality),
        ),
        Recording(
            "dipper:received_to_stored_seconds:p95_5m", f"histogram_quantile(0.95, {buckets})"
        ),
        Recording("dipper:lag_records:sum", "sum by (service, topic) (dipper_lag_records)"),
    ]
