"""Every command in the README does what the README says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from services.tools.local_pipeline import LocalPipeline

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"^```\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if line.startswith(("make ", ".venv/bin/dipper "))
]
DIPPER = [shlex.split(line)[1:] for line in COMMANDS if line.startswith(".venv")]
OFFLINE = [words for words in DIPPER if words[0] not in ("up", "replay", "ledger")]


def test_the_readme_shows_every_kind_of_command_that_these_tests_run() -> None:
    assert [line for line in COMMANDS if line.startswith("make")] == ["make demo", "make test"]
    assert [words[0] for words in DIPPER][:3] == ["up", "replay", "ledger"]
    assert {words[0] for words in OFFLINE} == {"decode", "events", "zones"}


@pytest.mark.parametrize("words", OFFLINE, ids=" ".join)
def test_a_command_that_needs_no_service_works(words: list[str]) -> None:
    done = dipper(words)
    assert done.returncode == 0, done.stderr


async def test_up_replay_and_ledger_work_as_shown(tmp_path: Path) -> None:
    up, replay, ledger = DIPPER[:3]
    zones = ROOT / up[up.index("--zones") + 1]
    async with LocalPipeline(tmp_path / "dipper-data", zones) as pipeline:
        replay[replay.index("--to") + 1] = f"tcp://{pipeline.endpoints.tcp}"
        done = dipper(replay)
        assert done.returncode == 0, done.stderr
        ledger[ledger.index("--data-dir") + 1] = str(pipeline.data_dir)
        shown = dipper(ledger)
    assert shown.returncode == 0, shown.stderr
    assert "Balanced." in shown.stdout


def test_make_demo_shows_fixes_events_and_a_balanced_ledger() -> None:
    """Run as the Makefile's recipe does, without its set-up, which made this very test run."""
    done = dipper(["demo"], timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "balance" in done.stdout


def dipper(words: list[str], timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.cli", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
