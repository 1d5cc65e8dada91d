"""The compiled core in tests: where it must be, and the choice between it and Python."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest

from loadtests import python_only
from services.nmea import core, read
from services.store import compiled

try:
    from services.log import _records as log_core
except ImportError:
    log_core = None  # need_core() comes before it is used.

WAYS = ("python", "compiled")
OF_THE_STORE = ("pack_batch", "newest_last", "read_enriched")
COMPILED = {name: getattr(compiled, name) for name in OF_THE_STORE}


def need_core() -> None:
    """Skip without the core, or fail if DIPPER_TEST_ENGINES is ``required``."""
    if core.read_lines is not None:
        return
    said = f"NO COMPILED CORE: {core.ABOUT}"
    if os.environ.get("DIPPER_TEST_ENGINES") == "required":
        pytest.fail(said, pytrace=False)
    pytest.skip(said)


@contextmanager
def reading_by(way: str) -> Iterator[None]:
    """Have ``read_lines`` use one of WAYS."""
    if way == "compiled":
        need_core()
    with patch.object(read, "compiled", core.read_lines if way == "compiled" else None):
        yield


@contextmanager
def rows_by(way: str) -> Iterator[None]:
    """Have the store read its records by one of WAYS."""
    if way == "compiled":
        need_core()
    with patch.multiple(compiled, **(COMPILED if way == "compiled" else dict.fromkeys(COMPILED))):
        yield


@contextmanager
def enriching_by(way: str) -> Iterator[None]:
    """Have enrich do its work by one of WAYS; what an index is built by, it stays with."""
    if way == "compiled":
        need_core()
        yield
        return
    with python_only.enrichment():
        yield


def blocks_kept_by(work: Callable[[], object]) -> int:
    """How many blocks of memory 2,000 calls leave behind, once it has warmed up."""
    for _ in range(100):
        work()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(2_000):
        work()
    gc.collect()
    return sys.getallocatedblocks() - before
