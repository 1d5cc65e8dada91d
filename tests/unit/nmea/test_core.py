"""Whether the compiled core is in use, how that is told, and what it takes to build it."""

from __future__ import annotations

import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

import hatch_build
from services.nmea import core, read
from services.nmea.constellations import BY_SYSTEM, BY_TALKER, UNKNOWN, constellation
from tests.core import need_core

MAIN_FILE = Path(core.__file__).parent / "native/core.c"


def version_with(pure: str | None) -> str:
    environment = {} if pure is None else {"DIPPER_PURE_PYTHON": pure}
    command = [sys.executable, "-m", "services.cli", "--version"]
    root = Path(hatch_build.__file__).parent
    done = subprocess.run(
        command, env=environment, cwd=root, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("value", [None, "", "0"])
def test_the_core_is_used_where_it_is_there(value: str | None) -> None:
    need_core()
    assert version_with(value).endswith(" (compiled core)")
    assert read.compiled is core.read_lines


def test_a_variable_rules_the_core_out() -> None:
    need_core()
    assert version_with("1").endswith(" (Python only: DIPPER_PURE_PYTHON is set)")


def test_a_core_that_was_built_for_other_types_is_refused() -> None:
    need_core()
    from services.nmea import _core

    types: dict[str, type] = {kind.__name__: kind for kind in core.TYPES}
    types["THS"] = namedtuple("THS", ["talker", "heading"])
    with pytest.raises(ImportError, match="built for another THS"):
        _core.setup(types, constellation, BY_TALKER, BY_SYSTEM, UNKNOWN)
    del types["THS"]
    with pytest.raises(ImportError, match="no type THS"):
        _core.setup(types, constellation, BY_TALKER, BY_SYSTEM, UNKNOWN)


def test_what_keeps_the_core_from_being_built_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "_core.so"

    def built() -> None:
        hatch_build.compile_module(MAIN_FILE, tmp_path / "built", target)

    monkeypatch.setenv("CC", "false")
    with pytest.raises(hatch_build.NotBuiltError, match="false failed: exit code 1"):
        built()
    monkeypatch.setenv("CC", str(tmp_path / "cc"))
    with pytest.raises(hatch_build.NotBuiltError, match="No such file"):
        built()
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sysconfig.get_config_var", lambda _: "gcc -pthread")
    with pytest.raises(hatch_build.NotBuiltError, match="there is no C compiler"):
        built()
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    with pytest.raises(hatch_build.NotBuiltError, match=r"has no Python\.h"):
        built()
    assert not target.exists()


def test_the_core_compiles_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_core()
    strict = (*hatch_build.FLAGS, "-Wall", "-Wextra", "-Werror")
    monkeypatch.setattr(hatch_build, "FLAGS", strict)
    target = tmp_path / "_core.so"
    try:
        hatch_build.compile_module(MAIN_FILE, tmp_path / "built", target)
    except hatch_build.NotBuiltError as why:
        if "failed" in str(why):
            raise
        pytest.skip(str(why))
    assert target.exists()
