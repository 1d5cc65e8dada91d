"""The rules, as Prometheus's own tool understands them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.monitoring.alerts import alerts
from deploy.monitoring.files import RULES
from deploy.monitoring.rules_file import rules_yaml
from deploy.monitoring.timing import Timing
from tests.integration.monitoring.rule_cases import CASES, INTERVAL_S, Case, Series

CONFIGURATIONS = sorted(RULES.parent.glob("prometheus*.yml"))


def run(promtool: Path, *arguments: str | Path) -> str:
    done = subprocess.run(
        [promtool, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_promtool_finds_no_fault_in_the_rules(promtool: Path) -> None:
    said = run(promtool, "check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert "SUCCESS" in said


def test_promtool_finds_no_fault_in_rules_with_short_durations(
    promtool: Path, tmp_path: Path
) -> None:
    """Those that the test of the whole pipeline uses are made by the same code."""
    file = tmp_path / "short.rules.yml"
    file.write_text(rules_yaml(Timing(recent=4, soon=0.5, settled=1.5), interval_s=0.5))
    run(promtool, "check", "rules", file)


@pytest.mark.parametrize("file", CONFIGURATIONS, ids=lambda path: path.name)
def test_promtool_finds_no_fault_in_a_configuration(promtool: Path, file: Path) -> None:
    assert "1 rule files found" in run(promtool, "check", "config", file)


def moment(case: Case, series: Series, time: str, expected: bool) -> dict[str, object]:
    samples = [{"labels": f'{{alertname="{case.alert}"}}', "value": 1}] if expected else []
    firing = f'ALERTS{{alertname="{case.alert}", alertstate="firing"}}'
    return {
        "interval": f"{INTERVAL_S}s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f"group by (alertname) ({firing})",
                "eval_time": time,
                "exp_samples": samples,
            }
        ],
    }


def named(case: Case) -> str:
    return f"{case.alert}-{CASES.index(case)}"


def check(promtool: Path, folder: Path, tests: Sequence[dict[str, object]]) -> None:
    file = folder / "case.test.yml"
    # JSON is YAML.
    file.write_text(
        json.dumps(
            {"rule_files": [str(RULES)], "evaluation_interval": f"{INTERVAL_S}s", "tests": tests}
        )
    )
    run(promtool, "test", "rules", file)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_an_alert_fires_when_it_has_to_and_only_then(
    promtool: Path, tmp_path: Path, case: Case
) -> None:
    check(
        promtool,
        tmp_path,
        [
            moment(case, case.bad, case.quiet_until, expected=False),
            moment(case, case.bad, case.fires_at, expected=True),
            moment(case, case.fine, case.fires_at, expected=False),
        ],
    )


def test_every_alert_has_a_case() -> None:
    assert {case.alert for case in CASES} == {alert.name for alert in alerts(Timing())}
