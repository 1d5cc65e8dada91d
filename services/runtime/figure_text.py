"""How figures are written for people: few digits, and always a unit."""

from __future__ import annotations

from services.runtime.scrape import Quantile


def rate_text(per_second: float) -> str:
    """For example ``0 /s``, ``0.25 /s``, ``42 /s``, ``12.3 k/s``."""
    if per_second == 0 or 10 <= per_second < 1_000:
        return f"{per_second:.0f} /s"
    if per_second < 10:
        return f"{per_second:.2g} /s"
    if per_second < 1_000_000:
        return f"{per_second / 1_000:.1f} k/s"
    return f"{per_second / 1_000_000:.1f} M/s"


def count_text(value: float) -> str:
    """For example ``12,345``."""
    return f"{value:,.0f}"


def bytes_text(size: float) -> str:
    """For example ``512 B``, ``1.5 MiB``."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1_024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1_024
    return f"{size:.1f} GiB"


def seconds_text(seconds: float) -> str:
    """For example ``4.2 ms``, ``1.5 s``, ``3 min``, ``2.5 h``, ``4 d``."""
    for below, size, unit in ((1, 0.001, "ms"), (60, 1, "s"), (3_600, 60, "min")):
        if seconds < below:
            return f"{_three_digits(seconds / size)} {unit}"
    if seconds < 172_800:
        return f"{_three_digits(seconds / 3_600)} h"
    return f"{_three_digits(seconds / 86_400)} d"


def _three_digits(number: float) -> str:
    """Without the exponent that large numbers get."""
    return f"{number:.3g}" if number < 999.5 else f"{number:,.0f}"


def quantile_text(found: Quantile | None) -> str:
    """A duration, or ``–`` if nothing was measured."""
    if found is None:
        return "–"
    return f"> {seconds_text(found.value)}" if found.beyond else seconds_text(found.value)
