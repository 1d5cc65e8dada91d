"""While nobody is read, terminals that lose patience leave connections behind and come back."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry

from services.ingest.metrics import IngestMetrics
from services.ingest.server import IngestServer
from tests.integration.ingest.client import PATIENCE_S, connect, settings
from tests.integration.ingest.test_ingest import DAY, HELLO
from tests.unit.ingest.logs import TroubledLog, last_tally


async def test_a_connection_that_breaks_unread_is_let_go_and_not_read_later(
    log: TroubledLog,
) -> None:
    paused, registry = asyncio.Event(), CollectorRegistry()
    metrics = IngestMetrics(registry)
    metrics.reading_pauses.inc = paused.set  # type: ignore[assignment, method-assign]
    async with (
        asyncio.timeout(PATIENCE_S),
        IngestServer(settings(in_flight_bytes=100_000), log, metrics, "run") as server,
        connect(server) as first,
    ):
        log.open_gate.clear()
        sending = asyncio.create_task(first.send_all(DAY * 20))
        await paused.wait()
        for _ in range(5):
            async with connect(server) as other:
                await other.send(HELLO + DAY)
                other.reset()
        while registry.get_sample_value("dipper_connections") != 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert not sending.done()
        log.open_gate.set()
        await sending
    assert (await last_tally(log, "run")).lines_read == 20 * 6000
