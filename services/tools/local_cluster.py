"""``dipper ingest``, ``enrich`` and ``store`` as child processes, for tests and load tests."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from services.tools.local_member import DIPPER, Member
from services.tools.local_pipeline import ONE_ADDRESS, PipelineError


class LocalCluster:
    """Services on a Kafka and a database that are there; an async context manager that leaves
    none of its processes running.

    ``settings`` are further DIPPER_* variables for all of them. ``folder`` gets their logs.
    """

    def __init__(
        self,
        folder: Path,
        kafka_servers: str,
        dsn: str,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.members: list[Member] = []
        self.environment = {
            "DIPPER_KAFKA_SERVERS": kafka_servers,
            "DIPPER_DSN": dsn,
            "DIPPER_HTTP_PORT": "0",
            "DIPPER_INGEST_PORT": "0",
            **ONE_ADDRESS,
            **(settings or {}),
        }
        self.dsn = dsn

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.gather(*(one.stop() for one in self.members), return_exceptions=True)

    async def start(self, service: str, settings: Mapping[str, str] | None = None) -> Member:
        """One more process of a service, not waited for."""
        file = self.folder / f"{service}-{len(self.members)}.log"
        member = Member(service, file, {**self.environment, **(settings or {})})
        self.members.append(member)
        await member.start()
        return member

    async def start_all(self, services: Sequence[str] = ("ingest", "enrich", "store")) -> None:
        """Several, until all are ready. Raises PipelineError."""
        started = [await self.start(service) for service in services]
        await asyncio.gather(*(one.ready() for one in started))

    @property
    def tcp(self) -> str:
        """host:port of the first ingest that is ready."""
        return next(one.tcp for one in self.members if one.tcp)

    def check(self) -> None:
        """Raises PipelineError if a member no longer runs."""
        for one in self.members:
            one.check()

    async def metrics(self) -> str:
        """What /metrics of all members says, one after the other."""
        answers = await asyncio.gather(*(one.get("/metrics") for one in self.members))
        return "".join(answer or "" for answer in answers)

    async def dipper(self, *arguments: str) -> tuple[int, str, str]:
        """A ``dipper`` command with the same settings: exit code, output, talk."""
        process = await asyncio.create_subprocess_exec(
            *[*DIPPER, *arguments],
            env={**os.environ, **self.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, talk = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode(), talk.decode(errors="replace")

    async def ledger(self) -> dict[str, Any]:
        """As ``dipper ledger --json`` gives it to users. Raises PipelineError if it gives none."""
        _, output, complaint = await self.dipper("ledger", "--json")
        if not output:
            raise PipelineError(complaint.strip())
        found: dict[str, Any] = json.loads(output)
        return found
