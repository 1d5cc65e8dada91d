"""All checks of a conformity report: facts → ok, note or failed. docs/conformity.md has them."""

from __future__ import annotations

from collections.abc import Callable

from services.tools import check_epoch_rules as epoch
from services.tools import check_fix_rules as fix
from services.tools import check_line_rules as line
from services.tools.check_facts import Facts
from services.tools.check_verdict import Check

RULES: tuple[Callable[[Facts], Check | None], ...] = (
    line.sentences,
    line.checksums,
    line.checksum_presence,
    line.checksum_case,
    line.fields,
    line.foreign_bytes,
    line.known_sentences,
    line.line_ends,
    line.line_length,
    line.identification,
    line.talkers,
    epoch.epochs,
    epoch.date,
    epoch.time,
    epoch.late_sentences,
    epoch.interval,
    epoch.gaps,
    epoch.time_order,
    epoch.cycle_order,
    fix.beidou_use,
    fix.position,
    fix.precision,
    fix.position_jumps,
    fix.rmc_gga,
)


def judge(facts: Facts) -> tuple[Check, ...]:
    """All checks that the stream has something for, in the order of the reading."""
    return tuple(check for rule in RULES if (check := rule(facts)) is not None)
