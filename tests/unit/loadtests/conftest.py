"""The server of the replay's tests serves load generators, too."""

from __future__ import annotations

from tests.unit.tools.conftest import ingest

__all__ = ["ingest"]
