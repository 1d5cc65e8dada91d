"""One check of a conformity report: its value, and the words that checks have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from services.tools.check_facts import Facts, Place
from services.tools.check_thresholds import CUT_LINES

DAY_S = 86_400

Level = Literal["ok", "note", "failed"]


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the report."""

    name: str
    level: Level
    found: str
    remedy: str
    """Empty if the level is ``ok``."""


def conforms(checks: Sequence[Check]) -> bool:
    """Whether no check failed."""
    return all(check.level != "failed" for check in checks)


def exceeds(part: int, whole: int, share: float) -> bool:
    """Whether a share is above its threshold and more than a cut line or two."""
    return part > max(CUT_LINES, share * whole)


def percent(part: int, whole: int) -> str:
    """``3 of 40 (7.5 %)``."""
    return f"{part:,} of {whole:,} ({100 * part / whole:.3g} %)" if whole else f"{part:,}"


def number(value: float) -> str:
    """``1,234.5``: at most three decimals."""
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def duration(seconds: float) -> str:
    """``0.2 s``; from two days on ``4,494 days``."""
    days = seconds / DAY_S
    return f"{days:,.0f} days" if days >= 2 else f"{number(seconds)} s"


def at(facts: Facts, place: Place) -> str:
    """``line 7``, with its file if there are several, and the time if there is one."""
    file = f" of {PurePath(place.file).name}" if len(facts.files) > 1 else ""
    return f"line {place.line:,}{file}" + ("" if place.time is None else f" at {place.time}")
