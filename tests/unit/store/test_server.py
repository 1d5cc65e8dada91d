"""What the store says that its server lacks."""

from __future__ import annotations

import pytest

from services.store.server import lacking


@pytest.mark.parametrize(
    ("skipped", "said"),
    [
        (["timescaledb community"], "Apache-2"),
        (["extension timescaledb", "timescaledb community"], "without TimescaleDB"),
    ],
    ids=str,
)
def test_the_greatest_lack_is_told(skipped: list[str], said: str) -> None:
    assert said in (lacking(set(skipped)) or "")


def test_a_server_that_has_all_is_not_spoken_of() -> None:
    assert lacking(set()) is None
