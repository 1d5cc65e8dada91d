"""Golden cases: a capture, how to decode it, and beside it what decoding gave when last checked.

A case is a folder with a ``case.toml``:

    capture = "gpsd/beidou-bd.log"      below tests/captures
    allow_missing_checksum = true       if it needs it
    remove = "|"                        a mark that is no part of the stream
    records = false                     long: compare the summary alone

``expected.jsonl`` holds the records of ``dipper decode``, ``summary.txt`` its summary.
"""

from __future__ import annotations

import io
import tomllib
from pathlib import Path
from typing import NamedTuple

from services.tools.decode import decode

GOLDEN = Path(__file__).parent
CAPTURES = GOLDEN.parent / "captures"
TERMINAL = "GOLDEN-1"


class Case(NamedTuple):
    """One case as its ``case.toml`` describes it."""

    name: str
    capture: Path
    allow_missing_checksum: bool
    remove: str
    records: bool


class Decoding(NamedTuple):
    """What ``dipper decode`` wrote to its two outputs."""

    records: str
    summary: str


def all_cases() -> list[Case]:
    """Every case, by name."""
    return [_load(path) for path in sorted(GOLDEN.glob("*/case.toml"))]


def expected_records(case: Case) -> Path:
    return GOLDEN / case.name / "expected.jsonl"


def expected_summary(case: Case) -> Path:
    return GOLDEN / case.name / "summary.txt"


def decode_case(case: Case, folder: Path) -> Decoding:
    """Decode the case's capture; ``folder`` takes the file without its marks."""
    capture = case.capture
    if case.remove:
        capture = folder / case.capture.name
        capture.write_bytes(case.capture.read_bytes().replace(case.remove.encode(), b""))
    out, talk = io.BytesIO(), io.StringIO()
    decode(
        [str(capture)],
        TERMINAL,
        "jsonl",
        out,
        allow_missing_checksum=case.allow_missing_checksum,
        talk=talk,
    )
    return Decoding(out.getvalue().decode(), talk.getvalue())


def _load(path: Path) -> Case:
    described = tomllib.loads(path.read_text())
    capture = CAPTURES / described.pop("capture")
    case = Case(
        path.parent.name,
        capture,
        described.pop("allow_missing_checksum", False),
        described.pop("remove", ""),
        described.pop("records", True),
    )
    if described:
        raise ValueError(f"{path}: unknown keys {sorted(described)}")
    return case
