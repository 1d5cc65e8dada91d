"""Build hook: compile the extension modules into the wheel, or beside the Python modules for an
editable installation. ``services/nmea/native/core.c`` becomes ``services.nmea._core``, and so on.

Dipper works without them, so an installation never fails for their sake: where one can't be built,
one line says why (pip shows it with -v, and ``dipper --version`` whether the core is in use).
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MAIN_FILES = "services/**/native/*.c"
SHARED_HEADERS = Path(__file__).parent / "services/native"
FLAGS = (
    "-std=c11",
    "-O2",
    # A fused multiply-add would round once where Python rounds twice.
    "-ffp-contract=off",
    "-fPIC",
    "-shared",
)


class NotBuiltError(Exception):
    """Why an extension module is not there."""


class CoreBuildHook(BuildHookInterface[Any]):
    """Called by hatchling for each wheel, the one of an editable installation included."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and have the results packed if the wheel is a real one."""
        root = Path(self.root)
        editable = version == "editable"
        self._scratch = Path(tempfile.mkdtemp(prefix="dipper-build-"))
        for main_file in sorted(root.glob(MAIN_FILES)):
            place = module_file(main_file.relative_to(root))
            target = (root if editable else self._scratch) / place
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                compile_module(main_file, self._scratch / "built", target)
            except NotBuiltError as why:
                # One of an earlier build may be out of date.
                target.unlink(missing_ok=True)
                self.app.display_warning(f"Dipper without {place}: {why}")
                continue
            self.app.display_info(f"Dipper with {place}")
            if not editable:
                build_data["force_include"][str(target)] = str(place)
                build_data["pure_python"] = False
                build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """The wheel is written."""
        shutil.rmtree(self._scratch, ignore_errors=True)


def module_file(main_file: Path) -> Path:
    """Where the module of ``<package>/native/<name>.c`` belongs: ``<package>/_<name>.….so``."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    return main_file.parents[1] / f"_{main_file.stem}{suffix}"


def compile_module(main_file: Path, built: Path, target: Path) -> None:
    """Compile to ``built``, then move it to ``target``, so that no half-written one is loaded.

    Raises NotBuiltError.
    """
    include = Path(sysconfig.get_path("include"))
    if sys.platform != "linux":
        raise NotBuiltError(f"it is built for Linux only, this is {sys.platform}")
    if sys.implementation.name != "cpython":
        raise NotBuiltError(f"it is built for CPython only, this is {sys.implementation.name}")
    if not (include / "Python.h").exists():
        raise NotBuiltError(f"{include} has no Python.h (Debian: python3-dev)")
    command = [
        *compiler(),
        *FLAGS,
        f'-DCORE_SOURCE="{digest(main_file.parent)}"',
        f"-I{include}",
        str(main_file),
        "-o",
        str(built),
        "-lm",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotBuiltError(f"{command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise NotBuiltError(f"{command[0]} failed: {said[0]}")
    shutil.move(built, target)


def compiler() -> list[str]:
    """CC of the environment, else the one that Python was built with, else cc.

    Raises NotBuiltError if none of them is there.
    """
    if given := os.environ.get("CC"):
        return shlex.split(given)
    for words in (shlex.split(sysconfig.get_config_var("CC") or ""), ["cc"]):
        if words and shutil.which(words[0]):
            return words
    raise NotBuiltError("there is no C compiler (Debian: gcc)")


def digest(sources: Path) -> str:
    """SHA-256 of the source files, headers that modules share included; ``services.nmea._core`` has
    it as ``SOURCE``."""
    files = [*sorted(sources.glob("*.[ch]")), *sorted(SHARED_HEADERS.glob("*.h"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
