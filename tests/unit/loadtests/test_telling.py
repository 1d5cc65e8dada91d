"""What is seen of a load while it runs."""

from __future__ import annotations

from io import StringIO

import pytest

from loadtests import telling
from loadtests.live import Live
from loadtests.telling import ERASE_LINE, Telling, status
from services.tools.local_pipeline import PipelineError
from tests.unit.loadtests.runs import a_run, a_sample


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_the_status_tells_place_rates_lag_and_what_the_services_take() -> None:
    samples = a_run(seconds=30, stored_share=0.9).samples
    assert status(samples, 3_600) == (
        "30 of 3600 s: 1,000 sent/s, 900 stored/s, lag 3,000, 0.50 cores, 100 MB"
    )


def test_rates_are_those_of_the_last_seconds() -> None:
    samples = [a_sample(second, sent=100 * second, stored=0) for second in range(20)]
    samples += [a_sample(second, sent=2_000, stored=0) for second in range(20, 31)]
    assert "30 of 60 s: 0 sent/s" in status(samples, 60)


def test_one_sample_tells_the_place_only() -> None:
    assert status([a_sample(1, sent=5, stored=3)], 60) == "1 of 60 s"


def test_a_terminal_has_one_line_that_changes_and_is_gone_at_the_end() -> None:
    screen, samples = Terminal(), a_run(seconds=3).samples
    shown = Telling(screen)
    for count in (2, 3):
        shown.tell(samples[:count], 3)
    shown.end()
    text = screen.getvalue()
    assert text.count(ERASE_LINE) == 3
    assert text.endswith(ERASE_LINE)
    assert "\n" not in text


def test_a_narrow_terminal_shows_the_beginning_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    screen = Terminal()
    Telling(screen).tell(a_run(seconds=3).samples, 3)
    assert screen.getvalue() == f"{ERASE_LINE}3 of 3 s: 1,000 sent/s, 1,000"


def test_a_file_has_a_line_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = 0.0
    monkeypatch.setattr(telling.time, "monotonic", lambda: seconds)
    file, samples = StringIO(), a_run(seconds=180).samples
    shown = Telling(file)
    for count in range(2, 180):
        seconds = float(count)
        shown.tell(samples[:count], 180)
    shown.end()
    lines = file.getvalue().splitlines()
    assert [line.split(":")[0] for line in lines] == ["59 of 180 s", "119 of 180 s"]


async def test_the_line_is_gone_before_the_error_of_a_part_that_broke_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    running = Live(a_run(seconds=3), None, None)  # type: ignore[arg-type]

    async def breaks() -> None:
        raise PipelineError("enrich has ended")

    monkeypatch.setattr(running, "_sample", breaks)
    with pytest.raises(PipelineError):
        await running.watch(60)
    assert screen.getvalue().endswith(ERASE_LINE)
