"""`dipper top`: what it asks, what it draws, and how it ends."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry, start_http_server
from rich.console import Console

from services.cli import main
from services.ingest.metrics import IngestMetrics
from services.runtime.figures import Row, Section
from services.runtime.history import History
from services.tools import top
from services.tools.top_screen import PANEL_WIDTH, frame, sparkline
from services.tools.top_source import Source, SourceError, fetch, metrics_address

NOBODY = "127.0.0.1:1"
"""A port that nothing listens on."""


@contextmanager
def metrics_server(registry: CollectorRegistry) -> Iterator[str]:
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ingest() -> tuple[CollectorRegistry, IngestMetrics]:
    registry = CollectorRegistry()
    return registry, IngestMetrics(registry)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("127.0.0.1:9110", "http://127.0.0.1:9110/metrics"),
        ("http://store-1:9112", "http://store-1:9112/metrics"),
        ("http://store-1:9112/", "http://store-1:9112/metrics"),
        ("https://gate/dipper/metrics", "https://gate/dipper/metrics"),
        ("[::1]:9110", "http://[::1]:9110/metrics"),
    ],
)
def test_host_and_port_are_enough(given: str, address: str) -> None:
    assert metrics_address(given) == address


@pytest.mark.parametrize("given", ["", "ftp://x", "http://", "a b", "x:port", "x:99999", "[::1"])
def test_what_is_no_address_is_told(given: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        metrics_address(given)


class Answers:
    """Gives the answers in turn; an exception is raised."""

    def __init__(self, *answers: str | SourceError) -> None:
        self._answers = list(answers)

    def __call__(self, _: str) -> str:
        answer = self._answers.pop(0)
        if isinstance(answer, SourceError):
            raise answer
        return answer


def test_a_source_has_an_interval_after_two_answers_and_none_while_it_is_away() -> None:
    answers = Answers("a_total 1\n", "a_total 2\n", SourceError("gone"), "a_total 3\n")
    source = Source("http://x/metrics", answers, iter(range(9)).__next__)
    source.look()
    assert (source.problem, source.interval) == (None, None)
    source.look()
    assert source.interval is not None
    source.look()
    assert (source.problem, source.interval) == ("gone", None)
    source.look()
    assert source.problem is None
    assert source.interval is not None
    assert source.interval.seconds == 1


def test_an_answer_that_is_no_metrics_is_a_problem_not_a_traceback() -> None:
    source = Source("http://x/metrics", Answers("<html>hello</html>"))
    source.look()
    assert source.problem


def test_a_port_without_listener_is_told_in_words() -> None:
    with pytest.raises(SourceError, match="refused"):
        fetch(f"http://{NOBODY}/metrics")


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([0, 0], "▁▁"),
        ([0, 1, None, 2], "▁▅ █"),
        ([9] * 30 + [8, 4] + [0] * 9 + [1], "█▅▁▁▁▁▁▁▁▁▁▂"),
    ],
)
def test_a_sparkline_goes_from_0_to_the_largest_of_the_newest(
    values: list[float | None], drawn: str
) -> None:
    assert sparkline(values) == drawn


def drawn(width: int) -> list[str]:
    sections = [
        Section(title, (Row("k", "[bold]label[/]", 1.0, "1 /s", "9 total"),)) for title in "ABCD"
    ]
    console = Console(file=io.StringIO(), width=width)
    console.print(frame([Source("http://x:1/metrics")], sections, History(3), 0.0, width))
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue().splitlines()


def test_panels_stand_side_by_side_where_there_is_room() -> None:
    narrow, wide = drawn(PANEL_WIDTH), drawn(2 * PANEL_WIDTH + 1)
    assert len(narrow) == 13
    assert len(wide) == 7
    assert all(len(line) <= PANEL_WIDTH for line in narrow)


def test_a_label_is_never_taken_for_markup() -> None:
    assert any("[bold]label[/]" in line for line in drawn(PANEL_WIDTH))


def test_once_prints_rates_of_what_answers_and_names_what_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry, metrics = ingest()

    def meanwhile(_: float) -> None:
        metrics.lines_read.inc(500)

    monkeypatch.setattr(top.time, "sleep", meanwhile)
    with metrics_server(registry) as address:
        done = CliRunner().invoke(main, ["top", "--once", address, NOBODY])
    assert done.exit_code == 0
    assert "500 total" in done.output
    assert "unreachable" in done.output
    assert "refused" in done.output


def test_once_without_any_answer_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(top.time, "sleep", lambda _: None)
    done = CliRunner().invoke(main, ["top", "--once", NOBODY])
    assert done.exit_code == 1
    assert "no service answers" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["--once", "ftp://x"], "no address"), (["127.0.0.1:1"], "take --once")],
)
def test_wrong_usage_is_one_sentence(arguments: list[str], told: str) -> None:
    done = CliRunner().invoke(main, ["top", *arguments])
    assert done.exit_code == 2
    assert told in done.output


def test_ctrl_c_leaves_the_screen_as_it_was() -> None:
    registry, _ = ingest()
    ours, theirs = pty.openpty()
    with metrics_server(registry) as address:
        command = [sys.executable, "-m", "services.cli", "top", address]
        process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"}
        )
        os.close(theirs)
        said = b""
        while b"lines read" not in said:
            said += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        while True:
            try:
                said += os.read(ours, 65536)
            except OSError:
                break
        code = process.wait(30)
    os.close(ours)
    assert code == 0
    assert b"Traceback" not in said
    assert said.rindex(b"\x1b[?1049l") > said.rindex(b"\x1b[?1049h")
