from __future__ import annotations

import json

import pytest

from loadtests import __main__ as command_line
from loadtests.__main__ import main
from loadtests.load import LoadError
from loadtests.options import Options, Sizes
from loadtests.report import Report
from loadtests.scenarios import SCENARIOS, Scenario


def measure(options: Options, command: str) -> Report:
    report = Report("quick", command)
    report.add("rate", options.sizes.rate, "fixes/s", "nothing", 2.0)
    if options.sizes.rounds == 13:
        raise LoadError("the machine is on fire")
    if options.sizes.rounds == 14:
        report.failures.append("a fix was lost")
    return report


@pytest.fixture(autouse=True)
def one_scenario(monkeypatch):
    quick = Scenario("quick", measure, Sizes(rate=1), Sizes(rate=2), Sizes(rate=3))
    monkeypatch.setattr(command_line, "SCENARIOS", {"quick": quick})


@pytest.mark.parametrize(("more", "rate"), [([], 1), (["--small"], 2), (["--rate", "7"], 7)])
def test_what_is_given_wins_over_the_scenarios_sizes(tmp_path, capsys, more, rate):
    file = tmp_path / "out.json"
    assert main(["quick", "--json", str(file), *more]) == 0
    document = json.loads(file.read_bytes())
    assert document["results"][0]["value"] == rate
    assert document["command"].startswith("python -m loadtests quick --json")
    assert "quick" in capsys.readouterr().out


@pytest.mark.parametrize(("rounds", "told"), [("13", "on fire"), ("14", "a fix was lost")])
def test_a_run_that_broke_or_lost_something_ends_with_1(capsys, rounds, told):
    assert main(["quick", "--rounds", rounds]) == 1
    assert f"FAILED: {'the machine is ' if rounds == '13' else ''}{told}" in capsys.readouterr().out


def test_bench_writes_results_and_json_and_compares(tmp_path, capsys):
    file = tmp_path / "old.json"
    results = str(tmp_path / "results")
    assert main(["bench", "--json", str(file), "--results", results]) == 0
    assert (tmp_path / "results" / "RESULTS.md").exists()
    assert json.loads(file.read_bytes())["results"][0]["name"] == "quick: rate"
    capsys.readouterr()
    assert main(["bench", "--compare", str(file), "--results", results]) == 0
    shown = capsys.readouterr().out
    assert "compared with the old run" in shown
    assert "same" in shown


def test_a_comparison_with_no_document_is_wrong_usage_before_anything_runs(tmp_path, capsys):
    assert main(["quick", "--compare", str(tmp_path / "none.json")]) == 2
    told = capsys.readouterr()
    assert "can't be read" in told.err
    assert told.out == ""


@pytest.mark.parametrize(
    "arguments",
    [["none"], ["quick", "--rate", "0"], ["quick", "--rounds", "x"], ["quick", "--json", "/-/x"]],
)
def test_wrong_usage_ends_with_2(arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_every_scenario_has_a_small_size():
    assert all(scenario.small != scenario.usual for scenario in SCENARIOS.values())


def test_plots_are_drawn_of_what_was_measured(tmp_path):
    pytest.importorskip("matplotlib")
    from loadtests.plots import draw
    from loadtests.steady import steady_figures
    from tests.unit.loadtests.runs import a_run

    report = steady_figures(a_run(), "command")
    report.add("append", 2.0, "records/s", "bare", 0.5)
    drawn = draw([report], tmp_path)
    assert {path.name for path in drawn} == {
        "steady-over-time.png",
        "latency-percentiles.png",
        "cpu-a-fix.png",
        "ratios.png",
    }
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)
    assert draw([], tmp_path) == []
