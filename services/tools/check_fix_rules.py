"""Checks of a stream's positions. Each gives None if there is nothing to judge."""

from __future__ import annotations

from services.tools import check_thresholds as limits
from services.tools.check_facts import Facts
from services.tools.check_verdict import Check, Level, at, duration, exceeds, percent

BEIDOU = "beidou"


def beidou_use(facts: Facts) -> Check | None:
    """BeiDou satellites are used in fixes."""
    fixes = facts.fixes
    if not fixes.located:
        return None
    using = sum(each.fixes_using for each in fixes.constellations if each.name == BEIDOU)
    if using:
        return Check("BeiDou use", "ok", f"in {percent(using, fixes.told_satellites)} fixes", "")
    if fixes.told_satellites:
        remedy = "Switch BeiDou on; check that the antenna passes B1 (1561 and 1575 MHz)."
        return Check("BeiDou use", "note", f"in none of {fixes.told_satellites:,} fixes", remedy)
    remedy = "Let the terminal send GSA, which names the satellites."
    return Check("BeiDou use", "note", "not told: no GSA", remedy)


def position(facts: Facts) -> Check | None:
    """Epochs have positions, and soon."""
    fixes, count = facts.fixes, facts.epochs.count
    if not count:
        return None
    if fixes.seconds_to_first is None:
        remedy = "Check antenna and sky; capture for longer than a cold start takes."
        return Check("position", "failed", f"in none of {count:,} epochs", remedy)
    text = f"{percent(fixes.located, count)} epochs, first after {duration(fixes.seconds_to_first)}"
    few = count - fixes.located > limits.NO_FIX_SHARE * count
    if few or fixes.seconds_to_first > limits.FIRST_FIX_S:
        return Check("position", "note", text, "Check antenna and sky, and backup power.")
    return Check("position", "ok", text, "")


def precision(facts: Facts) -> Check | None:
    """HDOP and the number of satellites are what positions need."""
    hdop, used = facts.fixes.hdop, facts.fixes.satellites_used
    parts = []
    if hdop is not None:
        parts.append(f"HDOP p95 {hdop.p95:g}")
    if used is not None:
        parts.append(f"satellites used median {used.median:g}")
    if not parts:
        return None
    poor = hdop is not None and hdop.p95 > limits.HDOP_P95
    few = used is not None and used.median < limits.FEW_SATELLITES
    if poor or few:
        remedy = "Check antenna and sky; switch more constellations on."
        return Check("precision", "note", ", ".join(parts), remedy)
    return Check("precision", "ok", ", ".join(parts), "")


def position_jumps(facts: Facts) -> Check | None:
    """Positions move as vehicles and ships do."""
    fixes = facts.fixes
    if not fixes.steps:
        return None
    if not fixes.jumps:
        return Check("position jumps", "ok", "none", "")
    first = fixes.first_jumps[0]
    text = (
        f"{percent(fixes.jumps, fixes.steps)} steps over {limits.JUMP_KMH:g} km/h, first"
        f" {first.distance_m:,.0f} m in {duration(first.seconds)} in {at(facts, first.place)}"
    )
    level: Level = "failed" if exceeds(fixes.jumps, fixes.steps, limits.JUMP_SHARE) else "note"
    remedy = "Check for two terminals in one stream, damaged digits, multipath (a flight jumps)."
    return Check("position jumps", level, text, remedy)


def rmc_gga(facts: Facts) -> Check | None:
    """RMC and GGA of an epoch give one position."""
    fixes = facts.fixes
    if not fixes.compared:
        return None
    if not fixes.disagreements:
        return Check("RMC and GGA", "ok", f"agree in {fixes.compared:,} epochs", "")
    first = fixes.first_disagreements[0]
    text = (
        f"{percent(fixes.disagreements, fixes.compared)} epochs differ, first by"
        f" {first.degrees:.2g}° in {at(facts, first.place)}"
    )
    share = limits.DISAGREEMENT_SHARE
    failed = exceeds(fixes.disagreements, fixes.compared, share)
    remedy = "RMC and GGA of one time must come of one solution: check for two receivers."
    return Check("RMC and GGA", "failed" if failed else "note", text, remedy)
