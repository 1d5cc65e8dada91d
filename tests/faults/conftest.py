"""Seeds and the marker of the fault runs.

``SEEDS`` is how many seeds each fault runs with (1), ``FAULT_SEED`` the first of them (1).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SEEDS = int(os.environ.get("SEEDS", "1"))
DISK_BYTES = 96 << 20
FIRST_SEED = int(os.environ.get("FAULT_SEED", "1"))


def pytest_configure(config: pytest.Config) -> None:
    """The marker may be registered elsewhere too."""
    config.addinivalue_line("markers", "faults: runs whole pipelines through faults (make faults)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for ``seed`` runs once a seed; its id shows it."""
    if "seed" in metafunc.fixturenames:
        seeds = range(FIRST_SEED, FIRST_SEED + SEEDS)
        metafunc.parametrize("seed", seeds, ids=[f"FAULT_SEED={seed}" for seed in seeds])


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory of the run's own, with a short path; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="dipper-fault-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 96 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("NOT TESTED: disk full needs root, for a small tmpfs")
    if subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
        pytest.skip("NOT TESTED: disk full needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)
