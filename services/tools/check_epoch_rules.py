"""Checks of a stream's epochs and their times. Each gives None if there is nothing to judge."""

from __future__ import annotations

from services.nmea import reasons
from services.tools import check_thresholds as limits
from services.tools.check_facts import Facts
from services.tools.check_verdict import Check, Level, at, duration, exceeds, percent


def epochs(facts: Facts) -> Check | None:
    """Sentences with a time came."""
    if facts.epochs.count:
        return Check("epochs", "ok", f"{facts.epochs.count:,}", "")
    if not facts.accepted:
        return None
    remedy = "Let the terminal send RMC (or GGA and ZDA) at least."
    return Check("epochs", "failed", "none: no sentence with a time", remedy)


def date(facts: Facts) -> Check | None:
    """RMC or ZDA gives a date, from the beginning."""
    found = facts.epochs
    if not found.count:
        return None
    if found.undated == found.count:
        remedy = "Without RMC or ZDA no fix can be stored: let the terminal send one of them."
        return Check("date", "failed", f"in none of {found.count:,} epochs", remedy)
    if not found.undated or found.first_dated is None:
        return Check("date", "ok", "in every epoch", "")
    first = at(facts, found.first_dated)
    text = f"{percent(found.undated, found.count)} epochs before the first, {first}"
    return Check("date", "note", text, "These epochs are not stored. Send RMC before GGA.")


def time(facts: Facts) -> Check | None:
    """No sentence comes while the receiver has no time."""
    if not facts.epochs.count:
        return None
    timeless = facts.lines.rejected_as(reasons.NO_TIME)
    if not timeless:
        return Check("time", "ok", "in every epoch", "")
    found = f"{percent(timeless, facts.accepted)} sentences in epochs without a time"
    remedy = "Normal before the first fix. Later: check antenna, sky and backup power."
    return Check("time", "note", found, remedy)


def late_sentences(facts: Facts) -> Check | None:
    """No sentence comes after the fix of its epoch has left."""
    if not facts.epochs.count:
        return None
    late = facts.lines.rejected_as(reasons.AFTER_EPOCH)
    if not late:
        return Check("late sentences", "ok", "none", "")
    found = f"{percent(late, facts.accepted)} after their epoch"
    level: Level = "failed" if exceeds(late, facts.accepted, limits.LATE_SHARE) else "note"
    remedy = "Send all sentences of an epoch together, in one order."
    return Check("late sentences", level, found, remedy)


def interval(facts: Facts) -> Check | None:
    """Epochs come at a steady rate."""
    found = facts.epochs
    if found.interval_s is None:
        return None
    text = f"{percent(found.irregular, found.intervals)} irregular"
    if found.irregular > limits.IRREGULAR_SHARE * found.intervals:
        text += f"; the median is {found.interval_s.median:g} s"
        return Check("interval", "note", text, "Set a fixed rate; check what delays the terminal.")
    return Check("interval", "ok", f"{found.interval_s.median:g} s, {text}", "")


def gaps(facts: Facts) -> Check | None:
    """No epoch is missing."""
    found = facts.epochs
    if not found.intervals:
        return None
    if not found.gaps:
        return Check("gaps", "ok", "none", "")
    longest = max(found.longest_gaps, key=lambda gap: gap.seconds)
    text = (
        f"{found.gaps:,}, the longest {duration(longest.seconds)} before {at(facts, longest.end)}"
    )
    return Check("gaps", "note", text, "Check power, coverage and the terminal's buffer.")


def time_order(facts: Facts) -> Check | None:
    """Times go forward, and none comes twice."""
    found = facts.epochs
    if found.count < 2:
        return None
    back, twice = found.steps_back, found.duplicates
    if not back + twice:
        return Check("time order", "ok", "always forward", "")
    text = f"{percent(back, found.count)} steps back, {twice:,} times repeated"
    if found.first_steps_back:
        first = found.first_steps_back[0]
        text += f"; first {duration(first.seconds)} back in {at(facts, first.place)}"
    share = limits.STEP_BACK_SHARE
    failed = exceeds(back, found.count, share) or exceeds(twice, found.count, share)
    remedy = "Check the terminal's clock, and that it sends its buffer once and in order."
    return Check("time order", "failed" if failed else "note", text, remedy)


def cycle_order(facts: Facts) -> Check | None:
    """The sentences of an epoch come in one order."""
    found = facts.epochs
    if found.count < 2:
        return None
    if found.other_order <= max(limits.CUT_LINES, limits.ORDER_SHARE * found.count):
        return Check("cycle order", "ok", " ".join(found.usual_order), "")
    text = f"{percent(found.other_order, found.count)} epochs in another order than the usual"
    remedy = "Fixes leave an epoch late; send sentences in one order."
    return Check("cycle order", "note", text, remedy)
