"""What deploy/ may say to Dipper, and whether that would start a service."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from services.assembly.needs import require
from services.runtime.settings import PREFIX, Settings, load_settings

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
VARIABLE = re.compile(r"\bDIPPER_[A-Z0-9_]*[A-Z0-9]\b")
KNOWN = {PREFIX + name.upper() for name in Settings.model_fields}
STOP_S = 5.0
"""How long a service takes to stop at most, as docs/operations.md promises."""


def default(name: str) -> object:
    """The default of a setting by its name in lower case."""
    return Settings.model_fields[name].default


def unknown(text: str) -> set[str]:
    """Variables of Dipper in a text that are no settings."""
    return set(VARIABLE.findall(text)) - KNOWN


def service_starts_with(
    service: str,
    environment: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
) -> Settings:
    """Load the settings as the service would in this environment, with its files standing in
    ``folder``. Raises SettingsError if the service would not start."""
    monkeypatch.chdir(folder)
    for name in _dipper_variables():
        monkeypatch.delenv(name)
    for name, value in environment.items():
        if name.startswith(PREFIX):
            monkeypatch.setenv(name, _stand_in(value, folder) if name.endswith("_FILE") else value)
    settings = load_settings()
    require(settings, database=service in ("store", "migrate"))
    return settings


def _dipper_variables() -> Iterable[str]:
    return [name for name in os.environ if name.startswith(PREFIX)]


def _stand_in(path: str, folder: Path) -> str:
    file = folder / Path(path).name
    if not file.exists():
        file.write_text(f"postgresql://dipper:secret@host:5432/{file.name}\n")
    return str(file)
