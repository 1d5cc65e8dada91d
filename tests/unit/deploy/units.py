"""deploy/systemd as data."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from tests.unit.deploy.settings_of import DEPLOY

FOLDER = DEPLOY / "systemd"
FILES = sorted(FOLDER.glob("*.service"))
Unit = dict[str, dict[str, list[str]]]
"""Section → directive → its values, in order."""


def parse(text: str) -> Unit:
    """A unit file. Raises ValueError for a line that is none of systemd's (systemd.syntax(7))."""
    unit: Unit = defaultdict(lambda: defaultdict(list))
    section = ""
    for line in text.splitlines():
        if not line.strip() or line.startswith(("#", ";")):
            continue
        if header := re.fullmatch(r"\[(\w+)\]", line):
            section = header[1]
            continue
        if "=" not in line or not section:
            raise ValueError(f"no directive: {line}")
        name, _, value = line.partition("=")
        unit[section][name.strip()].append(value.strip())
    return unit


UNITS = {file.name: parse(file.read_text()) for file in FILES}


def one(unit: Unit, section: str, name: str) -> str:
    """The only value of a directive. Raises ValueError if there are others, or none."""
    (value,) = unit[section][name]
    return value


def environment_file() -> dict[str, str]:
    """What the example of /etc/dipper/dipper.env sets."""
    lines = (FOLDER / "dipper.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def environment(unit: Unit, instance: str, credentials: str) -> dict[str, str]:
    """The variables of a unit's process, with what systemd puts for %i and %d."""
    own = dict(value.split("=", 1) for value in unit["Service"]["Environment"])
    put = {"%i": instance, "%d": credentials}
    for name, value in own.items():
        own[name] = re.sub("%[id]", lambda found: put[found[0]], value)
    return environment_file() | own


def seconds(value: str) -> float:
    """``15s`` or ``3min`` in seconds."""
    found = re.fullmatch(r"(\d+)(s|min)", value)
    if found is None:
        raise ValueError(f"no duration: {value}")
    return float(found[1]) * {"s": 1, "min": 60}[found[2]]


def installed(folder: Path) -> list[Path]:
    """The units as they would be installed, one instance of each template, with a program that is
    there on every machine."""
    written = []
    for file in FILES:
        name = file.name.replace("@.", "@9110.")
        text = file.read_text().replace("/opt/dipper/bin/dipper", "/bin/true")
        (folder / name).write_text(text)
        written.append(folder / name)
    return written
