"""Every capture decodes to what is kept beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.cases import (
    CAPTURES,
    Case,
    all_cases,
    decode_case,
    expected_records,
    expected_summary,
)

CASES = all_cases()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_capture_decodes_as_expected(case: Case, tmp_path: Path) -> None:
    decoding = decode_case(case, tmp_path)

    assert decoding.summary == expected_summary(case).read_text()
    if case.records:
        assert decoding.records.splitlines() == expected_records(case).read_text().splitlines()


def test_every_capture_of_a_receiver_has_a_case() -> None:
    captures = {
        path for path in CAPTURES.rglob("*") if path.suffix in {".log", ".ubx"} and path.is_file()
    }

    assert captures
    assert captures == {case.capture for case in CASES}
