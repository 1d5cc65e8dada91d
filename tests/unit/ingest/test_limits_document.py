"""The table of limits in docs/terminal-protocol.md is the settings' and the metric's."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from services.ingest.limits import LIMITS
from services.ingest.settings import IngestSettings, LimitSettings, SessionSettings
from services.nmea.reasons import REASONS
from services.runtime.settings import PREFIX, Settings, SettingsError, load_settings

DOCUMENT = Path(__file__).parents[3] / "docs" / "terminal-protocol.md"
FURTHER = (
    "max_line", "max_fields", "max_connections", "max_bad_lines", "in_flight_bytes",
    "connection_in_flight_bytes",
)  # fmt: skip
"""Limits that are older than LimitSettings, or of a line."""
NAMES = {*FURTHER, *(field.name for field in fields(LimitSettings))}


def rows() -> list[list[str]]:
    section = DOCUMENT.read_text(encoding="utf-8").partition("\n## Limits\n")[2]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_limit_is_in_the_table_with_its_default() -> None:
    documented = {
        row[0].strip("`").removeprefix("DIPPER_INGEST_").lower(): re.sub(r"[^\d]", "", row[1])
        for row in rows()
    }
    defaults = {name: Settings.model_fields[f"ingest_{name}"].default for name in NAMES}
    assert documented == {name: f"{value:.0f}" for name, value in defaults.items()}


def test_the_table_names_every_limit_of_the_metric_and_nothing_else() -> None:
    named = {name for row in rows() for name in re.findall(r"`(\w+)`", row[3])}
    assert named - set(REASONS) == set(LIMITS) - set(REASONS)
    assert set(LIMITS) <= named


def test_a_server_without_settings_has_the_limits_of_the_settings() -> None:
    made = IngestSettings()
    places = (made.limits, made.session, made)
    for name in NAMES:
        (place,) = [place for place in places if hasattr(place, name)]
        assert getattr(place, name) == Settings.model_fields[f"ingest_{name}"].default
    assert isinstance(made.session, SessionSettings)


def test_all_wrong_limits_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "INGEST_MAX_FIELDS": "3",
        "INGEST_CONNECTION_BUFFER_BYTES": "1024",
        "INGEST_TERMINAL_LINES_PER_S": "-1",
        "INGEST_IDLE_S": "0",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert len(caught.value.problems) == len(wrong)
    assert all(any(name in told for told in caught.value.problems) for name in wrong)
