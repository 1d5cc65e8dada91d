"""What kind of fixes a batch holds."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from services.log.base import Batch, Record, TopicPartition
from services.model import FIX_QUALITIES
from services.store.positions import build_positions
from services.store.prepared import Shares
from tests.core import WAYS, rows_by


def record(offset: int, **given: object) -> Record:
    fields = {
        "terminal": "T-1",
        "time_us": 1_790_000_000_000_000 + offset,
        "lat": 28.0,
        "lon": 120.0,
        "fix": "gnss",
        "talkers": ["GN"],
        "lines": 2,
        "received_at_us": 1_790_000_000_000_000,
        "run": "r",
        "zones": [],
        "late": False,
        "source": [0, offset],
    }
    return Record(offset, b"T-1", orjson.dumps({**fields, **given}))


def shares_of(*records: Record) -> Shares:
    batch = Batch(TopicPartition("telematics.enriched.v1", 0), records, len(records))
    found = build_positions(batch, {"T-1": 1}, 0).shares
    assert found is not None
    return found


def test_fixes_are_counted_by_quality() -> None:
    records = [record(number, fix=fix) for number, fix in enumerate(FIX_QUALITIES)]
    records.append(record(len(records), fix="rtk_fixed"))
    assert shares_of(*records).by_quality == dict.fromkeys(FIX_QUALITIES, 1) | {"rtk_fixed": 2}


def test_what_is_no_fix_is_not_counted() -> None:
    broken = Record(1, b"T-1", b"{}")
    assert shares_of(record(0), broken).by_quality == {"gnss": 1}


@pytest.fixture(params=WAYS, autouse=True)
def _way(request: pytest.FixtureRequest) -> Iterator[None]:
    with rows_by(request.param):
        yield


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        # What the receiver says of its satellites decides.
        ({"satellites_used_by": {"gps": 7, "beidou": 4}}, True),
        ({"satellites_used_by": {"beidou": 9}}, True),
        ({"satellites_used_by": {"gps": 7, "beidou": 0}}, False),
        ({"satellites_used_by": {"gps": 7}}, False),
        # It names the satellites, but not whose they are: they pass for GPS's.
        ({"satellites_used_by": {"gps": 7}, "talkers": ["GN", "BD"]}, True),
        # To see is not to use.
        ({"satellites_in_view_by": {"beidou": 9}}, False),
        # It says nothing of satellites: then its talker does.
        ({"talkers": ["BD"]}, True),
        ({"talkers": ["GB"]}, True),
        ({"talkers": ["PQ"]}, True),
        ({"talkers": ["GP", "BD"]}, True),
        ({"talkers": ["GN"]}, False),
        ({"talkers": ["GP", "GL"]}, False),
        # A zone of that name is no talker.
        ({"talkers": ["GP"], "zones": ["BD", "GB"]}, False),
    ],
)
def test_a_fix_counts_for_beidou_if_it_was_made_with_it(
    given: dict[str, object], counts: bool
) -> None:
    assert shares_of(record(0, **given)).beidou == int(counts)
