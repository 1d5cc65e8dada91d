"""Values that many tests need."""

from __future__ import annotations

from services.model import Fix

NOON_US = 1_750_000_000_000_000


def make_fix(terminal: str = "TRUCK-1", time_us: int | None = NOON_US, **fields: object) -> Fix:
    """A fix in Wenzhou; name the fields that matter to the test."""
    values: dict[str, object] = dict.fromkeys(Fix._fields)
    values.update(
        terminal=terminal,
        time_us=time_us,
        lat=28.0,
        lon=120.7,
        fix="gnss",
        talkers=("GN",),
        lines=2,
        received_at_us=NOON_US + 40_000,
        run="run-1",
    )
    values.update(fields)
    return Fix(**values)  # type: ignore[arg-type]
