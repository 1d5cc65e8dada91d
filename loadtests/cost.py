"""What a piece of work costs a pipeline, from its first byte to its last row."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Self

from loadtests.figures import services_cpu_s
from loadtests.live import DRAIN_TIMEOUT_S, SAMPLE_S, STORED, scrape
from loadtests.pipeline import UnderTest
from loadtests.report import Report


class Watch:
    """Processor time and rows since it began."""

    def __init__(self, pipeline: UnderTest, rows_before: float) -> None:
        self._pipeline = pipeline
        self.rows_before = rows_before
        """Rows that the pipeline had stored by then."""
        self._usage_before = pipeline.usage()
        self._began = time.monotonic()
        self._points: list[tuple[float, float]] = [(0.0, 0.0)]
        self._used: dict[str, float] | None = None
        self._watching = asyncio.create_task(self._watch())

    @classmethod
    async def begin(cls, pipeline: UnderTest) -> Self:
        """Now."""
        return cls(pipeline, (await scrape(pipeline)).totals.get(STORED, 0.0))

    async def stored(self) -> float:
        """Rows since it began."""
        return (await scrape(self._pipeline)).totals.get(STORED, 0.0) - self.rows_before

    async def until_stored(self, fixes: float) -> None:
        """Wait until so many are, or nothing moves any more. Raises PipelineError."""
        moved, before = time.monotonic(), -1.0
        while (now := await self.stored()) < fixes:
            self._pipeline.check()
            if now > before:
                moved, before = time.monotonic(), now
            elif time.monotonic() - moved > DRAIN_TIMEOUT_S:
                break
            await asyncio.sleep(SAMPLE_S / 20)
        self._watching.cancel()
        self._used = self.cpu_s()
        self._points.append((time.monotonic() - self._began, before if now < fixes else now))

    def cpu_s(self) -> dict[str, float]:
        """By part, from its beginning until all was stored (or until now)."""
        if self._used is not None:
            return self._used
        after = self._pipeline.usage()
        return {
            part: after[part].cpu_s - usage.cpu_s
            for part, usage in sorted(self._usage_before.items())
            if part in after
        }

    def add_cpu(self, report: Report, fixes: float) -> None:
        """CPU a fix by part."""
        used = self.cpu_s()
        for part, cpu_s in used.items():
            report.add(f"CPU a fix, {part}", cpu_s / fixes * 1e6, "µs")
        if "services" not in used:
            report.add("CPU a fix, all services", services_us(used, fixes), "µs")

    def series(self) -> dict[str, list[float]]:
        """Rows over time."""
        return {
            "seconds": [seconds for seconds, _ in self._points],
            "stored": [stored for _, stored in self._points],
        }

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_S)
            self._points.append((time.monotonic() - self._began, await self.stored()))


def services_us(used: Mapping[str, float], fixes: float) -> float:
    """Processor time a fix of Dipper's own processes, of seconds by part."""
    return services_cpu_s(used) / fixes * 1e6
