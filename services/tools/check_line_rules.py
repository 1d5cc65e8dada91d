"""Checks of a stream's lines and sentences. Each gives None if there is nothing to judge."""

from __future__ import annotations

from services.nmea import reasons
from services.nmea.constellations import BY_TALKER
from services.tools import check_thresholds as limits
from services.tools.check_facts import Facts
from services.tools.check_verdict import Check, at, exceeds, percent

BEIDOU = "beidou"
COMBINED = "GN"


def sentences(facts: Facts) -> Check:
    """Something of the stream is NMEA at all."""
    if not facts.accepted and (received := _received(facts)):
        found = f"none of {received:,} accepted"
        return Check("sentences", "failed", found, "See why under rejected lines.")
    if not facts.accepted:
        found = f"none in {facts.lines.bytes:,} bytes"
        remedy = "Check baud rate and protocol of the terminal's port; set it to NMEA 0183."
        return Check("sentences", "failed", found, remedy)
    return Check("sentences", "ok", f"{facts.accepted:,} accepted", "")


def checksums(facts: Facts) -> Check | None:
    """Few checksums are wrong."""
    wrong = facts.lines.rejected_as(reasons.CHECKSUM_WRONG)
    return _damaged(
        facts,
        "checksums",
        wrong,
        "wrong",
        "Bytes are lost or changed on the way: check baud rate, cable and buffer overflows.",
    )


def checksum_presence(facts: Facts) -> Check | None:
    """Sentences have checksums."""
    allowed = facts.lines.without_checksum
    if allowed:
        found = f"{percent(allowed, _received(facts))} without one, as allowed"
        return Check("checksum presence", "note", found, "Damage can't be noticed without them.")
    return _damaged(
        facts,
        "checksum presence",
        facts.lines.rejected_as(reasons.CHECKSUM_MISSING),
        "without one",
        "Let the terminal send *hh; or look at the rest with --allow-missing-checksum.",
    )


def checksum_case(facts: Facts) -> Check | None:
    """Checksums are upper case."""
    lower = facts.lines.lower_case_checksums
    if not facts.accepted or facts.lines.without_checksum == facts.accepted:
        return None
    if not lower:
        return Check("checksum case", "ok", "all upper case", "")
    found = f"{percent(lower, facts.accepted)} lower case"
    return Check("checksum case", "note", found, "Dipper takes them; NMEA 0183 wants upper case.")


def fields(facts: Facts) -> Check | None:
    """Fields hold what they can hold."""
    return _damaged(
        facts,
        "fields",
        facts.lines.rejected_as(reasons.BAD_FIELD),
        "with a field that can't be",
        "The terminal's firmware writes them so: see the example under rejected lines.",
    )


def foreign_bytes(facts: Facts) -> Check | None:
    """Nothing stands between the sentences."""
    kinds = (
        reasons.NOT_NMEA,
        reasons.MALFORMED,
        reasons.LINE_TOO_LONG,
        reasons.TAG_CHECKSUM_WRONG,
    )
    foreign = sum(map(facts.lines.rejected_as, kinds))
    if not foreign:
        return Check("foreign bytes", "ok", "none", "") if facts.accepted else None
    found = f"{percent(foreign, facts.lines.used + facts.lines.rejected)} lines hold no sentence"
    return Check("foreign bytes", "note", found, "Switch binary and debug output of the port off.")


def known_sentences(facts: Facts) -> Check | None:
    """Every sentence is of a kind that Dipper knows."""
    unknown = facts.lines.rejected_as(reasons.UNSUPPORTED)
    if not facts.accepted:
        return None
    if not unknown:
        return Check("known sentences", "ok", "all", "")
    found = f"{percent(unknown, facts.accepted)} of kinds that Dipper doesn't know"
    return Check("known sentences", "note", found, "Switch them off if nobody needs them.")


def line_ends(facts: Facts) -> Check | None:
    """Sentences end with CR LF."""
    ends = facts.lines.ends
    total = sum(ends.values())
    if not total:
        return None
    other = total - ends["crlf"]
    if not other:
        return Check("line ends", "ok", "all CR LF", "")
    found = f"{percent(other, total)} without CR LF (LF {ends['lf']:,}, CR {ends['cr']:,})"
    return Check("line ends", "note", found, "Dipper takes them; NMEA 0183 wants CR LF.")


def line_length(facts: Facts) -> Check | None:
    """Sentences keep to the limit."""
    first = facts.lines.first_over_limit
    limit = limits.MAX_SENTENCE_BYTES
    if not facts.accepted:
        return None
    if first is None:
        return Check("line length", "ok", f"longest {facts.lines.longest} bytes", "")
    found = (
        f"{percent(facts.lines.over_limit, facts.accepted)} over {limit} bytes,"
        f" longest {facts.lines.longest}, first in {at(facts, first)}"
    )
    return Check("line length", "note", found, "Dipper takes up to 1,024; older readers cut them.")


def identification(facts: Facts) -> Check | None:
    """The stream says whose it is, and only one name."""
    if not facts.accepted:
        return None
    if not facts.identities:
        return Check(
            "identification",
            "note",
            "none in the stream",
            "Needs a login sentence, a client certificate or a listener's default terminal.",
        )
    names = {each.terminal for each in facts.identities}
    shown = ", ".join([f"{each.kind} {each.terminal}" for each in facts.identities[:3]])
    if len(names) == 1:
        return Check("identification", "ok", shown, "")
    return Check(
        "identification",
        "note",
        f"{len(names)} names: {shown}{' …' if len(facts.identities) > 3 else ''}",
        "A stream should carry one terminal under one name.",
    )


def talkers(facts: Facts) -> Check | None:
    """A BeiDou receiver shows itself by its talkers."""
    if not facts.talkers:
        return None
    shown = " ".join(facts.talkers)
    if any(talker == COMBINED or BY_TALKER.get(talker) == BEIDOU for talker in facts.talkers):
        return Check("talkers", "ok", shown, "")
    return Check(
        "talkers",
        "note",
        f"{shown}: none of BD, GB, GN",
        "Switch BeiDou on, and NMEA 4.11 or the BD/GB talkers.",
    )


def _received(facts: Facts) -> int:
    """Sentences as they came, sound or not."""
    damaged = (reasons.CHECKSUM_WRONG, reasons.CHECKSUM_MISSING, reasons.BAD_FIELD)
    return facts.accepted + sum(map(facts.lines.rejected_as, damaged))


def _damaged(facts: Facts, name: str, damaged: int, how: str, remedy: str) -> Check | None:
    received = _received(facts)
    if not received:
        return None
    if not damaged:
        return Check(name, "ok", f"none {how}", "")
    failed = exceeds(damaged, received, limits.DAMAGED_SHARE)
    found = f"{percent(damaged, received)} {how}"
    return Check(name, "failed" if failed else "note", found, remedy)
