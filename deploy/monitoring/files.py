"""Which files of the repository are made from this code, and what has to stand in them."""

from __future__ import annotations

import json
from pathlib import Path

from deploy.monitoring.dashboard import dashboard_json
from deploy.monitoring.database import TRACKS_DASHBOARD
from deploy.monitoring.document import BEGIN, generated
from deploy.monitoring.fleet import FLEET
from deploy.monitoring.pipeline import PIPELINE
from deploy.monitoring.rules_file import rules_yaml
from deploy.monitoring.store import STORE
from deploy.monitoring.timing import Timing
from deploy.monitoring.zones import ZONES

REPOSITORY = Path(__file__).parents[2]
RULES = REPOSITORY / "deploy/prometheus/dipper.rules.yml"
DASHBOARDS = REPOSITORY / "deploy/grafana/dashboards"
DOCUMENT = REPOSITORY / "docs/monitoring.md"

ALL_DASHBOARDS = (FLEET, PIPELINE, STORE, ZONES, TRACKS_DASHBOARD)


def made_files() -> dict[Path, str]:
    """Path → content. Raises OSError if docs/monitoring.md, which is made in part, is missing."""
    files = {
        DASHBOARDS / f"{dashboard.name}.json": json.dumps(dashboard_json(dashboard), indent=1)
        + "\n"
        for dashboard in ALL_DASHBOARDS
    }
    by_hand = DOCUMENT.read_text().partition(BEGIN)[0]
    return {**files, RULES: rules_yaml(Timing()), DOCUMENT: by_hand + generated(ALL_DASHBOARDS)}
