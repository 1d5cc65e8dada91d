"""Seeds, the marker, and the records of the fault runs.

``SEEDS`` is how many seeds each fault runs with (1), ``FAULT_SEED`` the first of them (1). With
several, or with ``FAULTS_FULL=1``, faults last as long as they are named for, each result is
recorded, and what is recorded for the same code is not run again unless ``--again`` is given.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.faults import results
from tests.faults.run import TOLD

SEEDS = int(os.environ.get("SEEDS", "1"))
FULL = SEEDS > 1 or os.environ.get("FAULTS_FULL") == "1"
DISK_BYTES = 96 << 20
FIRST_SEED = int(os.environ.get("FAULT_SEED", "1"))


CODE = pytest.StashKey[str]()
BEGAN = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--again``."""
    parser.addoption("--again", action="store_true", help="run faults that are recorded, too")


def pytest_configure(config: pytest.Config) -> None:
    """The marker may be registered elsewhere too."""
    config.addinivalue_line("markers", "faults: runs whole pipelines through faults (make faults)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for ``seed`` runs once a seed; its id shows it."""
    if "seed" in metafunc.fixturenames:
        seeds = range(FIRST_SEED, FIRST_SEED + SEEDS)
        metafunc.parametrize("seed", seeds, ids=[f"FAULT_SEED={seed}" for seed in seeds])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a full set: all faults with one seed, then with the next, without what is recorded."""
    if not FULL:
        return
    code = config.stash[CODE] = results.code_version()
    items.sort(key=lambda item: _seed(item) or 0)
    if config.getoption("--again"):
        return
    known = {(one.fault, one.seed) for one in results.recorded() if one.code == code}
    done = [item for item in items if (_fault(item), _seed(item)) in known]
    if done:
        config.hook.pytest_deselected(items=done)
        items[:] = [item for item in items if item not in done]
        print(f"{len(done)} runs of code {code} are recorded in {results.RECORDS}: not run again")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """That all is recorded already is no failure."""
    if FULL and CODE in session.config.stash and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """The line that tells how far a full set is."""
    if FULL and item.get_closest_marker("faults"):
        item.stash[BEGAN] = time.monotonic()
        items = item.session.items
        at, failed = items.index(item) + 1, item.session.testsfailed
        print(f"\n--- {at} of {len(items)}, {failed} failed: {_fault(item)}, seed {_seed(item)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Record the outcome of each run of a full set."""
    report = yield
    if BEGAN in item.stash and report.when == "call" and not report.skipped:
        seconds = round(time.monotonic() - item.stash[BEGAN], 1)
        code = item.config.stash[CODE]
        notes = dict(TOLD)
        results.record(
            results.Result(code, _fault(item), _seed(item), report.passed, seconds, notes)
        )
        TOLD.clear()
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """The table of all that is recorded for this code, here and in a file."""
    if not FULL or CODE not in config.stash:
        return
    shown = results.table(one for one in results.recorded() if one.code == config.stash[CODE])
    results.FOLDER.mkdir(parents=True, exist_ok=True)
    results.TABLE.write_text(f"Code {config.stash[CODE]}\n\n{shown}")
    terminalreporter.write_line(f"\n{shown}\nin {results.TABLE}")


def _seed(item: pytest.Item) -> int | None:
    called = getattr(item, "callspec", None)
    seed = called.params.get("seed") if called is not None else None
    return seed if isinstance(seed, int) else None


def _fault(item: pytest.Item) -> str:
    """The test's name without the seed: ``embedded tcp_resets``."""
    name = item.name.replace(f"FAULT_SEED={_seed(item)}", "").replace("[]", "").replace("-]", "]")
    place = item.path.stem.removeprefix("test_").removesuffix("_faults")
    return f"{place}: {name.removeprefix('test_').replace('_', ' ').replace('[-', '[')}"


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
