"""deploy/README.md names only what is there."""

from __future__ import annotations

import re

import pytest
import yaml

from services import cli
from tests.unit.deploy.settings_of import DEPLOY, ROOT, default, unknown

PAGE = (DEPLOY / "README.md").read_text()
BLOCKS = re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
LINES = [line for block in BLOCKS for line in block.splitlines()]
MADE = {"deploy/kubernetes/overlays/mine"}
"""What the page has its reader make."""


def test_every_path_of_the_repository_is_there() -> None:
    named = set(re.findall(r"\bdeploy/[\w./@*-]*\w", "\n".join(LINES))) - MADE
    assert named
    assert [path for path in sorted(named) if not list(ROOT.glob(path))] == []


def test_every_link_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    anchors = {"#" + re.sub(r"[^\w -]", "", name).lower().replace(" ", "-") for name in headings}
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert target in anchors or (DEPLOY / target).is_file()


def test_every_variable_is_a_setting() -> None:
    assert unknown(PAGE) == set()


def test_every_unit_is_there() -> None:
    named = set(re.findall(r"[ /]dipper-([a-z]+)(?:@\d*|\.service)?(?=[ \n])", "\n".join(LINES)))
    units = {file.stem.removeprefix("dipper-").rstrip("@") for file in DEPLOY.rglob("*.service")}
    assert named <= units


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("docker compose run")])
def test_a_one_shot_container_is_a_service_and_runs_a_command(line: str) -> None:
    services = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())["services"]
    words = [word for word in line.split()[3:] if not word.startswith("--")]
    if "--entrypoint" in line:
        words = words[1:]
    service, command = words[0], words[1]
    assert service in services
    assert command in cli.main.commands or "--entrypoint" in line


def test_the_ports_are_those_of_the_settings() -> None:
    for name in ("ingest_port", "ingest_tls_port", "http_port"):
        assert str(default(name)) in PAGE
