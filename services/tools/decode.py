"""``dipper decode``: captures to fixes, offline, through the same code as ingest."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO, TextIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from services.model import Fix
from services.nmea.stream import Stream
from services.nmea.terminal import Outcomes
from services.tools.captures import Capture, CaptureError, open_capture
from services.tools.fix_formats import FORMATS, FixWriter, Format

DONE = 0
FAILED = 1


class Summary:
    """What a decoding used and rejected."""

    def __init__(self) -> None:
        self.fixes = 0
        self.undated = 0
        self.without_position = 0
        self.messages = 0
        self.lines_used = 0
        self.lines_rejected: Counter[str] = Counter()

    def add(self, out: Outcomes) -> None:
        """Count what some bytes gave."""
        self.fixes += len(out.fixes) + len(out.undated)
        self.undated += len(out.undated)
        self.without_position += sum(fix.fix == "none" for fix in (*out.undated, *out.fixes))
        self.messages += len(out.messages)
        self.lines_used += out.lines_used
        self.lines_rejected.update(out.lines_rejected)

    def lines(self) -> Iterator[str]:
        """The summary for people, line by line."""
        rejected = self.lines_rejected.total()
        yield (
            f"fixes: {self.fixes} ({self.without_position} without a position,"
            f" {self.undated} without a date); messages: {self.messages}"
        )
        yield (f"lines: {self.lines_used + rejected} ({self.lines_used} used, {rejected} rejected)")
        for reason, count in sorted(self.lines_rejected.items()):
            yield f"  rejected {reason}: {count}"


def run(
    files: Sequence[str], terminal: str, form: Format, *, allow_missing_checksum: bool = False
) -> int:
    """Decode to standard output; talk to standard error. Returns the exit code."""
    return decode(
        files,
        terminal,
        form,
        sys.stdout.buffer,
        allow_missing_checksum=allow_missing_checksum,
        talk=sys.stderr,
    )


def decode(
    files: Sequence[str],
    terminal: str,
    form: Format,
    out: BinaryIO,
    *,
    allow_missing_checksum: bool = False,
    talk: TextIO,
) -> int:
    """Write the fixes of the capture files to ``out``, in the order of the stream.

    The files are one stream, as ``dipper replay`` sends them: a date holds on into the next.
    Memory does not grow with the files. Returns the exit code: 1 if a file can't be read (after
    one sentence that says why) or ``out`` can't be written. A reader that has seen enough (a
    broken pipe) ends the decoding quietly.
    """
    summary = Summary()
    try:
        writer = FORMATS[form](out)
        code = _decode_files(files, terminal, allow_missing_checksum, writer, summary, talk)
        writer.close()
        out.flush()
    except BrokenPipeError:
        _silence(out)
        return DONE
    except OSError as error:
        print(f"cannot write the output: {error.strerror or error}", file=talk)
        _silence(out)
        return FAILED
    if code == DONE or summary.fixes:
        for line in summary.lines():
            print(line, file=talk)
    return code


def decode_captures(
    files: Sequence[str],
    terminal: str,
    *,
    allow_missing_checksum: bool = False,
    advanced: Callable[[Capture], None] = lambda _: None,
) -> Iterator[Outcomes]:
    """What the reads of the captures give, one after the other, as one stream.

    ``advanced`` hears of each read. Raises CaptureError.
    """
    stream = Stream(terminal, allow_missing_checksum=allow_missing_checksum)
    for name in files:
        with open_capture(name) as capture:
            for chunk in capture.chunks():
                advanced(capture)
                yield stream.feed(chunk, 0)
            yield stream.end_line(0)
    yield stream.finish(0)


def in_order(out: Outcomes) -> Iterable[Fix]:
    """All fixes in the order of the stream: once a date is known it stays known."""
    return (*out.undated, *out.fixes)


def _decode_files(
    files: Sequence[str],
    terminal: str,
    allow_missing_checksum: bool,
    writer: FixWriter,
    summary: Summary,
    talk: TextIO,
) -> int:
    with _progress(talk) as progress:
        parts = decode_captures(
            files,
            terminal,
            allow_missing_checksum=allow_missing_checksum,
            advanced=_advance(progress),
        )
        try:
            for part in parts:
                for fix in in_order(part):
                    writer.write(fix)
                summary.add(part)
        except CaptureError as error:
            print(error, file=talk)
            return FAILED
    return DONE


def _progress(talk: TextIO) -> Progress:
    """A bar per file while standard error is a terminal and long work leaves time to see it."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        console=Console(file=talk),
        transient=True,
        disable=not talk.isatty(),
    )


def _advance(progress: Progress) -> Callable[[Capture], None]:
    tasks: dict[Capture, TaskID] = {}

    def advance(capture: Capture) -> None:
        if capture not in tasks:
            tasks[capture] = progress.add_task(capture.name, total=capture.size)
        progress.update(tasks[capture], completed=capture.position)

    return advance


def _silence(out: BinaryIO) -> None:
    """Let the interpreter's last flush of standard output go nowhere instead of failing."""
    if out is sys.stdout.buffer:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
