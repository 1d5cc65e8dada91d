"""``dipper check``: the conformity report of a terminal's captured stream."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console

from services.tools.captures import CaptureError, open_capture
from services.tools.check_facts import Facts
from services.tools.check_report import print_report, report_json
from services.tools.check_rules import judge
from services.tools.check_stream import StreamCheck
from services.tools.check_verdict import Check, conforms

CONFORMS = 0
FAILED = 1
PIPE_WIDTH = 100


def run(files: Sequence[str], *, as_json: bool, allow_missing_checksum: bool = False) -> int:
    """Report to standard output, talk to standard error. Returns the exit code."""
    return check(
        files,
        sys.stdout,
        as_json=as_json,
        allow_missing_checksum=allow_missing_checksum,
        talk=sys.stderr,
    )


def check(
    files: Sequence[str],
    out: TextIO,
    *,
    as_json: bool,
    allow_missing_checksum: bool = False,
    talk: TextIO,
) -> int:
    """Write the report of the captures, taken as one stream, to ``out``.

    Returns the exit code: 0 if no check failed, else 1; 1 too, after one sentence to ``talk``,
    if a file can't be read (then there is no report) or ``out`` can't be written. A broken pipe
    is raised.
    """
    try:
        facts = read_facts(files, allow_missing_checksum=allow_missing_checksum)
    except CaptureError as error:
        print(error, file=talk)
        return FAILED
    checks = judge(facts)
    try:
        _write(facts, checks, out, as_json)
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"cannot write the output: {error.strerror or error}", file=talk)
        return FAILED
    return CONFORMS if conforms(checks) else FAILED


def read_facts(files: Sequence[str], *, allow_missing_checksum: bool = False) -> Facts:
    """What the captures hold, as one stream in this order. Raises CaptureError."""
    stream = StreamCheck(allow_missing_checksum=allow_missing_checksum)
    for name in files:
        with open_capture(name) as capture:
            stream.begin_file(name)
            for chunk in capture.chunks():
                stream.feed(chunk)
    return stream.finish()


def _write(facts: Facts, checks: Sequence[Check], out: TextIO, as_json: bool) -> None:
    if as_json:
        out.write(report_json(facts, checks).decode())
    else:
        width = None if out.isatty() else PIPE_WIDTH
        print_report(facts, checks, Console(file=out, width=width, highlight=False))
    out.flush()
