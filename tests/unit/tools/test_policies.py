"""Which tables the settings say lose their old rows."""

from __future__ import annotations

from datetime import timedelta

from services.runtime.settings import Settings
from services.tools.policies import retention_of


def test_by_default_everything_is_kept() -> None:
    assert retention_of(Settings()) == {}


def test_each_table_has_its_own_age() -> None:
    settings = Settings(
        retention_positions_days=1,
        retention_zone_events_days=2,
        retention_messages_days=3,
        retention_rejects_days=4,
    )
    assert retention_of(settings) == {
        "positions": timedelta(days=1),
        "zone_events": timedelta(days=2),
        "messages": timedelta(days=3),
        "rejects": timedelta(days=4),
    }
