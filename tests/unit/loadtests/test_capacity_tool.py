from __future__ import annotations

import importlib.util
import json

import pytest

from loadtests.__main__ import main

SMALL = ["capacity", "--terminals", "1000", "20000", "--seeds", "1"]


def test_it_tells_what_each_size_needs(capsys):
    assert main(SMALL) == 0
    told = capsys.readouterr().out
    for title in ("What fleets need", "What breaks first", "Rebalances", "hour's outage"):
        assert title in told
    assert "20,000" in told


def test_processor_times_of_a_run_take_the_place_of_the_written_ones(tmp_path, capsys):
    parts = ("ingest", "enrich", "store", "kafka", "postgres")
    results = [
        {"name": f"CPU a fix, {part}", "value": 77.7, "unit": "µs", "against": None, "ratio": None}
        for part in parts
    ]
    run = {
        "scenario": "steady", "command": "c", "machine": {}, "versions": {}, "results": results,
        "ledger": None,
    }  # fmt: skip
    path = tmp_path / "run.json"
    path.write_text(json.dumps(run))
    assert main([*SMALL, "--costs", str(path)]) == 0
    assert capsys.readouterr().out.count("77.7") == len(parts)


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"results": []}'])
def test_a_file_that_is_no_run_is_told_in_a_sentence(tmp_path, capsys, text):
    path = tmp_path / "run.json"
    path.write_text(text)
    assert main([*SMALL, "--costs", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "run.json" in said


@pytest.mark.parametrize(
    "wrong",
    [["--terminals", "0"], ["--parked-share", "1"], ["--seeds", "x"], ["--fast-share", "nan"]],
)
def test_wrong_numbers_are_wrong_usage(wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["capacity", *wrong])
    assert ended.value.code == 2
    assert wrong[0] in capsys.readouterr().err


@pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib comes with the extra bench"
)
def test_plots_are_small_files(tmp_path):
    assert main([*SMALL, "--plots", str(tmp_path)]) == 0
    drawn = sorted(tmp_path.glob("capacity-*.png"))
    assert len(drawn) == 4
    assert all(0 < path.stat().st_size < 150_000 for path in drawn)
