# A shortcut of services.enrich.entries, compiled: native/entries.c.

from services.log.base import Entry, Record
from services.zones.enriching import Enriched

def setup(entry: type[Entry]) -> None: ...
def plain_entries(
    records: list[Record], results: list[Enriched], partition: int
) -> tuple[list[Entry], list[int]]: ...
