"""What is committed is what the code makes, and each alert has its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.monitoring.alerts import Alert, alerts
from deploy.monitoring.files import DASHBOARDS, REPOSITORY, made_files
from deploy.monitoring.rules_file import rules_yaml
from deploy.monitoring.timing import Timing, duration

RUNBOOKS = REPOSITORY / "docs/runbooks"
PARTS = ["## What it means", "## What users feel", "## How to check", "## How to fix"]


@pytest.mark.parametrize("path", made_files(), ids=lambda path: path.name)
def test_a_committed_file_is_what_the_code_makes(path: Path) -> None:
    assert path.read_text() == made_files()[path], "run `python -m deploy.monitoring`"


def test_no_dashboard_lies_about_that_nothing_makes() -> None:
    assert set(DASHBOARDS.iterdir()) == {path for path in made_files() if path.suffix == ".json"}


@pytest.mark.parametrize("alert", alerts(Timing()), ids=lambda alert: alert.name)
def test_the_page_of_an_alert_says_what_to_do(alert: Alert) -> None:
    page = (REPOSITORY / alert.runbook).read_text()
    assert page.startswith(f"# {alert.name}\n")
    assert re.findall(r"^## .*$", page, re.MULTILINE) == PARTS
    check = page.partition("## How to check")[2]
    assert "```\n" in check, "without a command nobody can check"


def test_no_page_is_left_of_an_alert_that_is_gone() -> None:
    pages = {path.relative_to(REPOSITORY).as_posix() for path in RUNBOOKS.glob("*.md")}
    assert pages == {alert.runbook for alert in alerts(Timing())}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(300, "5m"), (3_600, "1h"), (90, "90s"), (10, "10s"), (1.5, "1500ms"), (0.5, "500ms")],
)
def test_a_duration_is_written_as_prometheus_reads_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_short_durations_reach_every_rule() -> None:
    """Else a test of the rules would wait for minutes."""
    short = Timing(*(0.25 for _ in Timing._fields))
    assert not re.search(r"\d[mh]\b", re.sub(r"rate5m|p95_5m", "", rules_yaml(short)))
