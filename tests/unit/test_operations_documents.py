"""The pages for operators name only what is there: settings, commands, pages, log lines."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from services.cli import main
from services.nmea.reasons import REASONS
from services.runtime.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
NAMES = ("operations", "settings", "security", "privacy", "backup", "troubleshooting")
PAGES = [ROOT / "docs" / f"{name}.md" for name in NAMES]
MISSPELT = {"DIPPER_KAKFA_USERNAME"}
"""Shown as an example of one."""
CODE = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "services").rglob("*.py"))

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)


@each_page
def test_every_variable_on_the_page_is_a_setting(page: Path) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    named = set(re.findall(r"\bDIPPER_[A-Z_]*[A-Z]\b", page.read_text())) - MISSPELT
    assert named - known == set()


@each_page
def test_every_link_leads_to_a_page_and_to_a_heading_of_it(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]*)(#[^)]*)?\)", page.read_text()):
        path = (page.parent / target[0]).resolve() if target[0] else page
        assert path.exists(), target
        if target[1]:
            titles = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in titles}
            assert target[1][1:] in anchors, target


@each_page
def test_every_command_on_the_page_exists(page: Path) -> None:
    for words in re.findall(r"`dipper ([a-z]+)(?: ([a-z]+))?", page.read_text()):
        command = main.commands[words[0]]
        if isinstance(command, click.Group):
            assert words[1] in command.commands, words


def test_what_a_service_says_on_the_page_is_what_the_code_says() -> None:
    """Each part of a quoted sentence, between what differs from case to case."""
    text = (ROOT / "docs/troubleshooting.md").read_text()
    section = text.split("\n## ")[1]
    code = re.sub(r'"\s*f?"', "", CODE)
    quoted = re.findall(r"^\| `([^`]*)` \|", section, re.MULTILINE)
    assert len(quoted) >= 5
    for sentence in quoted:
        for part in filter(None, (one.strip(" ,.") for one in sentence.split("…"))):
            assert part in code, sentence


def test_every_reason_on_the_page_is_one() -> None:
    text = (ROOT / "docs/troubleshooting.md").read_text()
    named = set(
        re.findall(r"`([a-z_]+)`", " ".join(re.findall(r"^\|.* grow.*$", text, re.MULTILINE)))
    )
    assert named
    assert named - set(REASONS) - {"fix"} == set()
