from __future__ import annotations

import asyncio
import io
import sys

import pytest
from rich.console import Console

from services.tools.replay import ReplayOptions, run
from services.tools.replay_progress import Status, reporting, summary


@pytest.mark.parametrize(
    ("status", "acknowledgements", "text"),
    [
        (Status(lines=1234, sent_bytes=56_700), False, "1,234 lines (56.7 kB) sent"),
        (Status(lines=2, acknowledged=1), True, "2 lines (0 bytes) sent, 1 acknowledged"),
        (Status(reconnects=2), False, "0 lines (0 bytes) sent, 2 reconnects"),
    ],
)
def test_the_summary_names_what_matters(status, acknowledgements, text):
    assert summary(status, acknowledgements) == text


async def test_off_a_terminal_remarks_and_the_end_are_plain_lines():
    output = io.StringIO()
    status = Status(lines=3)
    async with reporting(status, acknowledgements=False, console=Console(file=output, width=200)):
        status.say("a gap of 3600 s in the capture is taken as 60 s")
    remark, end = output.getvalue().splitlines()
    assert remark == "a gap of 3600 s in the capture is taken as 60 s"
    assert end.startswith("3 lines (0 bytes) sent in 0.")


async def test_on_a_terminal_a_bar_shows_bytes_lines_and_acknowledgements():
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=120)
    status = Status(total_bytes=1000, read_bytes=500, sent_bytes=500, lines=7, file="a.log")
    async with reporting(status, acknowledgements=True, console=console):
        # The bar is drawn first thing when its task gets its turn.
        await asyncio.sleep(0)
    assert "500 bytes · 7 lines · 0 acknowledged" in output.getvalue()
    assert "50%" in output.getvalue()


def test_a_failed_replay_is_one_sentence_and_exit_code_1(tmp_path, capsys):
    assert run(ReplayOptions((str(tmp_path / "none.log"),), "tcp://127.0.0.1:1")) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "dipper replay: cannot read capture" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("piped", [True, False])
async def test_standard_input_may_be_a_pipe_or_a_file(ingest, tmp_path, piped):
    script = (
        "import sys; from services.tools.replay import *;"
        "sys.exit(run(ReplayOptions(('-',), sys.argv[1], speed=None, ack=True)))"
    )
    file = tmp_path / "a.log"
    file.write_bytes(b"$A\n$B\n")
    with file.open("rb") as opened:
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-c", script, ingest.url],
            stdin=asyncio.subprocess.PIPE if piped else opened,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate(file.read_bytes() if piped else None)
    assert process.returncode == 0
    assert b"2 lines (6 bytes) sent, 2 acknowledged" in said
    assert ingest.durable == [b"$A", b"$B"]
