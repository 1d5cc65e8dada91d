"""Capture files: plain or gzip, whole or broken."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import pytest

from services.tools.captures import CHUNK_BYTES, CaptureError, open_capture

CONTENT = b"$GNRMC,line\r\n" * 20_000


def read(name: str) -> bytes:
    with open_capture(name) as capture:
        return b"".join(capture.chunks())


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("plain.log", CONTENT),
        ("packed.log.gz", gzip.compress(CONTENT)),
        ("packed-without-the-suffix.log", gzip.compress(CONTENT)),
        ("two-members.gz", gzip.compress(CONTENT[:100]) + gzip.compress(CONTENT[100:])),
    ],
)
def test_the_content_comes_unpacked(tmp_path: Path, name: str, stored: bytes) -> None:
    (tmp_path / name).write_bytes(stored)

    assert read(str(tmp_path / name)) == CONTENT


def test_an_empty_file_has_no_content(tmp_path: Path) -> None:
    (tmp_path / "empty.log").touch()

    assert read(str(tmp_path / "empty.log")) == b""


def test_chunks_are_bounded_also_when_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "zeros.gz"
    path.write_bytes(gzip.compress(bytes(50 * CHUNK_BYTES)))

    with open_capture(str(path)) as capture:
        sizes = [len(chunk) for chunk in capture.chunks()]

    assert (max(sizes) <= CHUNK_BYTES, sum(sizes)) == (True, 50 * CHUNK_BYTES)


def test_the_position_ends_at_the_size(tmp_path: Path) -> None:
    path = tmp_path / "packed.gz"
    path.write_bytes(gzip.compress(CONTENT))

    with open_capture(str(path)) as capture:
        assert capture.position == 0
        for _ in capture.chunks():
            pass
        assert capture.position == capture.size == path.stat().st_size


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as write_end:
        write_end.write(gzip.compress(b"$GNRMC"))
    with os.fdopen(reader) as standard_input:
        monkeypatch.setattr("sys.stdin", standard_input)
        with open_capture("-") as capture:
            assert (b"".join(capture.chunks()), capture.size) == (b"$GNRMC", None)


def test_closed_standard_input_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stdin", closed)

    with pytest.raises(CaptureError, match="standard input is closed"):
        open_capture("-")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "directory"),
        (lambda path: path.write_bytes(gzip.compress(CONTENT)[:-20]), "truncated"),
        (lambda path: path.write_bytes(gzip.compress(CONTENT)[:30] + bytes(50)), "damaged"),
        (lambda path: path.write_bytes(gzip.compress(CONTENT) + b"tail"), "damaged"),
    ],
)
def test_an_error_names_the_file_and_the_reason(tmp_path: Path, make, reason: str) -> None:
    path = tmp_path / "trip 7.log"
    make(path)

    with pytest.raises(CaptureError) as caught:
        read(str(path))

    assert str(path) in str(caught.value)
    assert reason in str(caught.value)
