"""The pipeline that a scenario measures: ``dipper up``, or the services on Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from loadtests.cluster import cluster_under_test
from loadtests.processes import Usage, usage_by_part
from services.runtime.settings import PREFIX, Settings
from services.tools.local_pipeline import LocalPipeline

ZONES = Path(__file__).parent.parent / "services" / "tools" / "data" / "wenzhou_zones.geojson"
SPARE_FILES = 1_000
WANTED = {"ingest_unknown_terminals": "accept"}
"""Settings of all runs, as far as they exist: load terminals are in no registry."""


class UnderTest(Protocol):
    """What a run needs of a pipeline."""

    tcp: str
    """host:port for terminals."""
    dsn: str

    def check(self) -> None:
        """Raises PipelineError if a part of it no longer runs."""
        ...

    def usage(self) -> dict[str, Usage]:
        """By part."""
        ...

    async def metrics(self) -> str:
        """What /metrics says, of all its processes."""
        ...

    async def ledger(self) -> dict[str, Any]:
        """As `dipper ledger --json` gives it."""
        ...


class _Embedded:
    """``dipper up`` as something to measure."""

    def __init__(self, pipeline: LocalPipeline) -> None:
        self._pipeline = pipeline
        self.tcp, self.dsn = pipeline.endpoints.tcp, pipeline.endpoints.dsn
        self.check = pipeline.check
        self.ledger = pipeline.ledger

    def usage(self) -> dict[str, Usage]:
        return usage_by_part(self._pipeline.pid)

    async def metrics(self) -> str:
        return await self._pipeline.get("/metrics") or ""


def environment(connections: int, further: Mapping[str, object] | None = None) -> dict[str, str]:
    """DIPPER_* variables for so many connections at a time, and what else is asked for.

    Settings that this version of Dipper does not have are left out.
    """
    wanted = {"ingest_max_connections": connections + SPARE_FILES, **WANTED, **(further or {})}
    return {
        PREFIX + name.upper(): str(value)
        for name, value in wanted.items()
        if name in Settings.model_fields
    }


@asynccontextmanager
async def start(log: str, folder: Path, settings: Mapping[str, str]) -> AsyncIterator[UnderTest]:
    """``embedded`` or ``kafka``, ready, with zones. Raises PipelineError, LoadError."""
    if log == "kafka":
        async with cluster_under_test(folder, ZONES, settings) as cluster:
            yield cluster
    else:
        async with LocalPipeline(folder, ZONES, settings) as pipeline:
            yield _Embedded(pipeline)
