"""The zones in force, from the compacted zone topic; looked at again at intervals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from services.enrich.metrics import EnrichMetrics
from services.log.base import ZONE, Log
from services.zones.index import ZoneIndex
from services.zones.records import decode_zone
from services.zones.zone import Zone

logger = logging.getLogger(__name__)


class ZoneSource:
    """Holds the index of the zones; read again only if the zone topic has grown."""

    def __init__(
        self, log: Log, metrics: EnrichMetrics, refresh_s: float, clock: Callable[[], float]
    ) -> None:
        self._metrics = metrics
        self.index = ZoneIndex(())
        self.kinds: Mapping[str, str] = {}
        """Of each zone in force, by its id."""
        self._log = log
        self._refresh_s = refresh_s
        self._clock = clock
        self._looked = -refresh_s
        self._ends: Mapping[int, int] | None = None

    async def refresh_if_due(self) -> None:
        """Look at the zone topic if the last look is old."""
        if self._clock() - self._looked >= self._refresh_s:
            await self.refresh()

    async def refresh(self) -> None:
        """Take over new zone definitions. Raises LogUnavailableError."""
        self._looked = self._clock()
        ends = await self._log.end_offsets(ZONE)
        if ends == self._ends:
            return
        zones = _decode(await self._log.read_compacted(ZONE))
        self.index = ZoneIndex(zones)
        self._ends = ends
        self.kinds = {zone.id: zone.kind for zone in zones}
        self._metrics.show_zones(zones)
        logger.info("%d zones in force", len(zones))


def _decode(records: Mapping[bytes, bytes]) -> tuple[Zone, ...]:
    zones = []
    for key, value in sorted(records.items()):
        try:
            zones.append(decode_zone(value))
        except ValueError as error:
            logger.error("zone %r can't be read and is left aside: %s", key, error)
    return tuple(zones)
