"""Services without their compiled code, for as long as they are compared with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from services import codec
from services.enrich import entries
from services.nmea import core, read
from services.zones import enriching, grid


@contextmanager
def decoding() -> Iterator[None]:
    """From bytes to the records of fixes."""
    with (
        patch.object(read, "compiled", None),
        patch.multiple(core, next_epoch=None, plain_fix=None, whole_epochs=None),
        patch.object(codec, "add_plain_fixes", None),
    ):
        yield


@contextmanager
def enrichment() -> Iterator[None]:
    """From the records of fixes to those of enriched ones. What an index was built by, it stays
    with."""
    with (
        patch.object(codec, "read_waypoints", None),
        patch.object(grid, "candidates", None),
        patch.multiple(enriching, columns=None, fold_quiet=None),
        patch.object(entries, "plain_entries", None),
    ):
        yield
