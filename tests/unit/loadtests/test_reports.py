from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from loadtests.compare import changes, only_in, show_changes
from loadtests.document import DocumentError, combined, read_document, write_document
from loadtests.log import EMBEDDED_PAIRS, KAFKA_PAIRS, SEND, SEND_BATCH, log_report
from loadtests.log_cost import add_cost
from loadtests.report import Report, number, times
from loadtests.results import ratios, results_text
from loadtests.steady import steady_figures
from services.log import compiled
from tests.unit.loadtests.runs import a_run


def a_report(scenario: str = "x", **figures: float) -> Report:
    report = Report(scenario, "the command")
    for name, value in figures.items():
        report.add(name, value, "fixes/s")
    return report


def test_the_json_document_has_the_agreed_keys():
    document = json.loads(json.dumps(steady_figures(a_run(), "the command").to_json()))
    agreed = {"scenario", "machine", "versions", "command", "results", "ledger"}
    assert agreed <= document.keys()
    assert document["ledger"]["balanced"] is True
    assert set(document["results"][0]) == {"name", "value", "unit", "against", "ratio"}


def test_several_reports_make_one_document_with_the_same_keys():
    lost = steady_figures(a_run(lost=1, balanced=False), "the command")
    document = combined([a_report(rate=3), lost], "make bench")
    assert {"scenario", "machine", "versions", "command", "results", "ledger"} <= document.keys()
    assert document["results"][0]["name"] == "x: rate"
    assert document["ledger"] == {"balanced": False}
    assert any(text.startswith("steady: ") for text in document["failures"])


@pytest.mark.parametrize("several", [False, True])
def test_documents_are_read_as_they_were_written(tmp_path, several):
    report = steady_figures(a_run(), "the command")
    report.add("speed", 2.5, "µs", "bare COPY", 0.8)
    written = combined([report], "make bench") if several else report.to_json()
    write_document(tmp_path / "out.json", written)
    (read,) = read_document(tmp_path / "out.json").reports
    assert read.to_json() == report.to_json()


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"scenario": "x"}'])
def test_what_is_no_document_is_refused_in_one_sentence(tmp_path, content):
    file = tmp_path / "old.json"
    file.write_bytes(content)
    with pytest.raises(DocumentError, match=r"old\.json is no result of python -m loadtests"):
        read_document(file)
    with pytest.raises(DocumentError, match="can't be read: No such file"):
        read_document(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("unit", "old", "new", "verdict"),
    [
        ("fixes/s", 100, 120, "better"),
        ("fixes/s", 100, 80, "worse"),
        ("fixes/s", 100, 97, "same"),
        ("µs", 10, 12, "worse"),
        ("ms", 10, 8, "better"),
        ("times as much", 1.2, 1.0, "better"),
        ("fixes", 10, 20, "changed"),
    ],
)
def test_a_change_is_judged_by_its_unit(unit, old, new, verdict):
    before, after = Report("x", ""), Report("x", "")
    before.add("a", old, unit)
    after.add("a", new, unit)
    (change,) = changes([before], [after])
    assert change.verdict == verdict
    assert change.factor == new / old


def test_where_there_are_ratios_they_are_compared_and_not_the_values():
    before, after = Report("x", ""), Report("x", "")
    before.add("read", 5.0, "µs", "pynmeagps", 10.0)
    after.add("read", 10.0, "µs", "pynmeagps", 12.0)
    (change,) = changes([before], [after])
    assert (change.kind, change.old, change.new, change.verdict) == ("ratio", 10, 12, "better")


def test_figures_of_one_run_alone_are_named():
    old, new = [a_report(a=1, b=1)], [a_report(b=1, c=1)]
    assert only_in(old, new) == ["x: a"]
    assert only_in(new, old) == ["x: c"]
    assert [change.name for change in changes(old, new)] == ["b"]


def test_the_comparison_shows_what_is_worse_first(tmp_path):
    write_document(tmp_path / "old.json", a_report(a=100, b=100, c=100).to_json())
    old = read_document(tmp_path / "old.json")
    console = Console(width=100, record=True, file=open(tmp_path / "shown", "w", encoding="utf-8"))  # noqa: SIM115
    show_changes(old, [a_report(a=100, b=150, c=50)], old.machine, console)
    shown = console.export_text()
    assert shown.index("worse") < shown.index("better") < shown.index("same")
    assert "machines differ" not in shown
    show_changes(old, [a_report(a=100)], {"cores": 64}, console)
    assert "only ratios can be compared" in console.export_text()


def test_results_name_machine_versions_command_and_every_figure():
    report = a_report("steady", rate=12345.6)
    report.add("append", 2.0, "records/s", "bare | engine", 0.8)
    report.failures.append("something was lost")
    text = results_text(
        [report], "make bench", "embedded", "2026-01-02", [Path("plots/a-plot.png")]
    )
    assert "| append | 2 | records/s | bare \\| engine | 0.80 × |" in text
    assert "| rate | 12,346 | fixes/s |  |  |" in text
    assert "![a plot](plots/a-plot.png)" in text
    assert "- Command: `make bench`" in text
    assert "2026-01-02" in text
    assert "python 3." in text
    assert "**FAILED**: something was lost" in text


def test_the_table_of_ratios_leaves_out_what_is_no_comparison_of_speed():
    report = Report("x", "")
    report.add("rows", 10, "rows", "fixes sent", 1.0)
    report.add("sent", 10, "fixes/s", "asked for", 1.0)
    report.add("in the log", 10, "fixes", "terminals", 1.0)
    report.add("append", 10, "records/s", "bare", 2.0)
    report.add("alone", 5, "records/s")
    assert [result.name for _, result in ratios([report])] == ["append"]


@pytest.mark.parametrize("pairs", [EMBEDDED_PAIRS, KAFKA_PAIRS])
def test_the_log_is_compared_within_each_round(pairs):
    names = {name for pair in pairs for name in pair}
    rounds = [dict.fromkeys(names, 100.0 * speed) for speed in (1, 3, 2)]
    for one in rounds:
        one[pairs[0].name] *= 2
    report = log_report("", pairs, rounds)
    assert report.results[0].ratio == 2
    assert report.results[0].value == 400
    assert {result.name for result in report.results} == names


def test_the_logs_cost_is_compared_within_each_size_of_round():
    report = Report("log", "")
    add_cost(report, {300: ([4.0, 1.0, 2.0], [4.0, 5.0, 3.0])})
    assert report.results[0].ratio == (2.0 if compiled.split is not None else None)
    assert [result.value for result in report.results][-1] == 4.0


def test_on_kafka_the_log_is_compared_with_send_and_with_send_batch():
    assert {SEND, SEND_BATCH} <= {pair.against for pair in KAFKA_PAIRS}


@pytest.mark.parametrize(
    ("value", "text"),
    [(12345.6, "12,346"), (0.123456, "0.123"), (7.0, "7"), (999.4, "999"), (1e6, "1,000,000")],
)
def test_numbers_are_short(value, text):
    assert number(value) == text


@pytest.mark.parametrize(("ratio", "text"), [(None, ""), (1.234, "1.23 ×"), (0.0049, "0.0049 ×")])
def test_small_ratios_keep_their_digits(ratio, text):
    assert times(ratio) == text
