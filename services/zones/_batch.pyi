# Shortcuts of services.zones for whole batches, compiled: native/batch.c.

from collections.abc import Callable

from services.model import Waypoint
from services.zones.enriching import Enriched
from services.zones.grid import Cells
from services.zones.transitions import TerminalZones

def setup(
    waypoint: type[Waypoint], state: type[TerminalZones], enriched: type[Enriched], quiet: Enriched
) -> None: ...
def columns(
    fixes: object,
) -> tuple[list[float | None], list[float | None], list[int | None]] | None: ...
def candidates(lats: list[float | None], lons: list[float | None], cells: Cells) -> bytes: ...
def fold_quiet(
    fixes: list[Waypoint],
    zones: list[tuple[str, ...]],
    states: dict[str, TerminalZones],
    versions: dict[str, str],
    step: Callable[[Waypoint, tuple[str, ...]], Enriched],
) -> list[Enriched]: ...
