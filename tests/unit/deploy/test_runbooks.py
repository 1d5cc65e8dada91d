"""What runbooks and the monitoring page name exists: settings, metrics, commands, pages."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from deploy.monitoring.catalogue import metrics, process_metrics
from deploy.monitoring.files import DOCUMENT, REPOSITORY
from services.cli import main
from services.runtime.settings import PREFIX, Settings

PAGES = [*sorted((REPOSITORY / "docs/runbooks").glob("*.md")), DOCUMENT]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([\w./-]+)(?:#([\w-]+))?\)", page.read_text()):
        linked = page.parent / target
        assert linked.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE)
            assert anchor in {
                re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads
            }


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_setting_exists(page: Path) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert set(re.findall(r"\bDIPPER_[A-Z_]+", page.read_text())) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_command_exists(page: Path) -> None:
    assert isinstance(main, click.Group)
    for line in re.findall(r"(?:^|`)dipper ([a-z]+(?: [a-z]+)?)", page.read_text(), re.MULTILINE):
        first, _, second = line.partition(" ")
        command = main.commands[first]
        if isinstance(command, click.Group) and second:
            assert second in command.commands


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_pattern_for_metrics_finds_one(page: Path) -> None:
    names = {series for metric in metrics() for series in metric.series} | process_metrics()
    shown = "".join(f'{name} 1\n{name}{{a="b"}} 1\n' for name in sorted(names))
    for pattern in re.findall(r"/metrics \| grep (?:-E )?'([^']+)'", page.read_text()):
        assert re.search(pattern, shown, re.MULTILINE), pattern
