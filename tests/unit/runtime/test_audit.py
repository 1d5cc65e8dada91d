"""The audit log: one line a record, whatever the record holds, and not more than is good."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime import audit
from services.runtime.audit import LOGGER, LONGEST_TEXT, Audit, AuditFileError


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    logger = logging.getLogger(LOGGER)
    handlers, level, propagate = logger.handlers[:], logger.level, logger.propagate
    yield
    for handler in logger.handlers:
        handler.close()
    logger.handlers[:], logger.propagate = handlers, propagate
    logger.setLevel(level)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "audit.jsonl"
    audit.configure(str(place))
    return place


def records(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text(encoding="ascii").splitlines()]


class Clock:
    now = 1_795_392_000.5

    def __call__(self) -> float:
        return self.now


def test_a_record_is_a_line_of_json_with_the_time_in_utc(file: Path) -> None:
    Audit(Clock()).record("login", "refused", who="T-1", address="192.0.2.1", reason=None, size=3)
    assert file.read_text() == (
        '{"time":"2026-11-23T00:00:00.500Z","action":"login","outcome":"refused","who":"T-1",'
        '"address":"192.0.2.1","size":3}\n'
    )


def test_what_strangers_say_stays_on_its_line_and_is_cut(file: Path) -> None:
    Audit().record("login", "refused", who='\x1b[2J\r\n{"who":"root"}\u202e北斗\udcff')
    Audit().record("login", "refused", who="x" * 5000)
    first, second = file.read_bytes().splitlines()
    assert all(32 <= byte < 127 for byte in first)
    assert len(second) < LONGEST_TEXT + 100


@given(st.text())
def test_any_text_comes_back_as_it_was_up_to_its_cut(said: str) -> None:
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    logger = logging.getLogger(LOGGER)
    logger.handlers[:] = [Keep()]
    logger.setLevel(logging.INFO)
    Audit().record("login", "refused", who=said)
    assert json.loads(found[0])["who"] == said[:LONGEST_TEXT]


def test_a_flood_is_held_back_and_counted_and_hides_nothing_else(file: Path) -> None:
    clock = Clock()
    log = Audit(clock, per_second=1, burst=3)
    for number in range(10):
        log.record("login", "refused", who=f"T-{number}")
    log.record("login", "accepted", who="TRUCK-1")
    clock.now += 1
    log.record("login", "refused", who="T-10")
    shown = [(one["outcome"], one.get("who"), one.get("suppressed")) for one in records(file)]
    assert shown == [
        ("refused", "T-0", None),
        ("refused", "T-1", None),
        ("refused", "T-2", None),
        ("accepted", "TRUCK-1", None),
        ("refused", None, 7),
        ("refused", "T-10", None),
    ]


def test_the_end_of_a_flood_is_told_without_another_record(file: Path) -> None:
    log = Audit(Clock(), per_second=1, burst=1)
    log.record("login", "refused", who="T-1")
    log.record("login", "refused", who="T-2")
    log.flush()
    log.flush()
    assert [one.get("suppressed") for one in records(file)] == [None, 1]


def test_a_file_is_for_its_owner_alone_and_may_be_rotated(file: Path) -> None:
    Audit().record("login", "accepted", who="T-1")
    assert file.stat().st_mode & 0o777 == 0o600
    file.rename(file.with_suffix(".1"))
    Audit().record("login", "accepted", who="T-2")
    assert [one["who"] for one in records(file)] == ["T-2"]


def test_a_file_that_can_not_be_written_is_told_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(AuditFileError, match=r"DIPPER_AUDIT_LOG=.*Choose another, or stderr"):
        audit.configure(str(tmp_path / "none" / "audit.jsonl"))


def test_a_full_disk_is_told_and_stops_nobody(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit.configure("/dev/full")
    Audit().record("login", "accepted", who="T-1")
    assert "audit records are lost" in caplog.text


def test_an_administrative_change_names_the_user_of_the_machine_and_not_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    monkeypatch.delenv("SUDO_USER", raising=False)
    place = tmp_path / "audit.jsonl"
    audit.record_change("terminals load", "done", str(place), added=2)
    (record,) = records(place)
    assert record["added"] == 2
    assert record["who"] == audit.user()
    assert "somebody-else" not in str(record["who"])


def test_standard_error_gets_it_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    audit.configure("stderr")
    Audit().record("login", "accepted", who="T-1")
    sys.stderr.flush()
    assert json.loads(capsys.readouterr().err)["who"] == "T-1"
