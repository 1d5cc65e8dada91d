"""`dipper settings`: every setting, and the page that is made of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from services.cli import main
from services.runtime.settings import PREFIX, Settings
from services.tools.settings import described, page

PAGE = Path(__file__).parents[3] / "docs/settings.md"


def test_the_committed_page_is_what_the_code_makes() -> None:
    told = "run: .venv/bin/dipper settings --markdown > docs/settings.md"
    assert PAGE.read_text(encoding="utf-8") == page(), told


def test_every_setting_is_in_one_group_with_its_meaning() -> None:
    shown = [one.variable for group in described().values() for one in group]
    assert sorted(shown) == sorted(PREFIX + name.upper() for name in Settings.model_fields)
    assert all(one.meaning for group in described().values() for one in group)


@pytest.mark.parametrize(
    ("variable", "default", "values"),
    [
        ("DIPPER_HTTP_PORT", "9110", "whole number from 0 to 65535"),
        ("DIPPER_LOG_LEVEL", "info", "`debug`, `info`, `warning`, `error`"),
        ("DIPPER_INGEST_ALLOW_MISSING_CHECKSUM", "false", "`true` or `false`"),
        ("DIPPER_STORE_TIMEOUT_S", "60.0", "number above 0"),
        ("DIPPER_REPLICATION", "", "whole number from 1"),
        ("DIPPER_KAFKA_CA_FILE", "", "text"),
    ],
)
def test_what_a_setting_takes_is_told_in_words(variable: str, default: str, values: str) -> None:
    found = {one.variable: one for group in described().values() for one in group}[variable]
    assert (found.default, found.values) == (default, values)


def test_the_command_prints_the_page_and_the_table() -> None:
    assert CliRunner().invoke(main, ["settings", "--markdown"]).output == page()
    assert "DIPPER_DSN" in CliRunner().invoke(main, ["settings"]).output
