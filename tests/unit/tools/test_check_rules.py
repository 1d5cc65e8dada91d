"""The checks: each judges the facts of a stream by its threshold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.tools.check_facts import Constellation, Facts, Identity, Jump, Place, Rejection
from services.tools.check_histogram import Spread
from services.tools.check_rules import RULES, judge
from tests.unit.tools.check_streams import GOOD, GSA, facts_of, gga, levels, rmc

ROOT = Path(__file__).parents[3]
PLACE = Place("0.log", 7, None)
Change = Callable[[Facts], Facts]


def lines(**values: Any) -> Change:
    return lambda facts: replace(facts, lines=replace(facts.lines, **values))


def rejected(reason: str, count: int) -> Change:
    return lines(rejections=(Rejection(reason, count, PLACE, "$X"),))


def epochs(**values: Any) -> Change:
    return lambda facts: replace(facts, epochs=replace(facts.epochs, **values))


def fixes(**values: Any) -> Change:
    return lambda facts: replace(facts, fixes=replace(facts.fixes, **values))


def whole(**values: Any) -> Change:
    return lambda facts: replace(facts, **values)


def spread(median: float, p95: float) -> Spread:
    return Spread(60, median, median, p95, p95)


JUMP = (Jump(PLACE, 1000.0, 1.0, 3600.0),)


def test_a_good_stream_passes_every_check_and_needs_no_remedy() -> None:
    checks = judge(facts_of(GOOD))

    assert len(checks) == len(RULES)
    assert {each.level for each in checks} == {"ok"}
    assert {each.remedy for each in checks} == {""}


# The good stream has 180 sentences and 60 epochs.
@pytest.mark.parametrize(
    ("change", "name", "level"),
    [
        (whole(talkers={}), "sentences", "failed"),
        (rejected("checksum_wrong", 1), "checksums", "note"),
        (rejected("checksum_wrong", 2), "checksums", "failed"),
        (rejected("checksum_missing", 1), "checksum presence", "note"),
        (rejected("checksum_missing", 2), "checksum presence", "failed"),
        (lines(without_checksum=90), "checksum presence", "note"),
        (lines(lower_case_checksums=1), "checksum case", "note"),
        (rejected("bad_field", 1), "fields", "note"),
        (rejected("bad_field", 2), "fields", "failed"),
        (rejected("not_nmea", 1000), "foreign bytes", "note"),
        (rejected("malformed", 1), "foreign bytes", "note"),
        (rejected("line_too_long", 1), "foreign bytes", "note"),
        (rejected("tag_checksum_wrong", 1), "foreign bytes", "note"),
        (rejected("unsupported", 5), "known sentences", "note"),
        (lines(ends={"crlf": 179, "lf": 1, "cr": 0}), "line ends", "note"),
        (lines(over_limit=1, first_over_limit=PLACE), "line length", "note"),
        (whole(identities=()), "identification", "note"),
        (whole(identities=(Identity("pgid", "A-1", 1), Identity("imei", "B-1", 1))),
         "identification", "note"),
        (whole(identities=(Identity("pgid", "A-1", 1), Identity("login", "A-1", 1))),
         "identification", "ok"),
        (whole(talkers={"GP": 180}), "talkers", "note"),
        (whole(talkers={"GP": 179, "BD": 1}), "talkers", "ok"),
        (whole(talkers={"GP": 179, "GB": 1}), "talkers", "ok"),
        (whole(talkers={"GP": 179, "PQ": 1}), "talkers", "ok"),
        (fixes(constellations=(Constellation("gps", 60, 60),)), "BeiDou use", "note"),
        (fixes(constellations=(), told_satellites=0), "BeiDou use", "note"),
        (epochs(count=0), "epochs", "failed"),
        (epochs(undated=60), "date", "failed"),
        (epochs(undated=1, first_dated=PLACE), "date", "note"),
        (rejected("no_time", 100), "time", "note"),
        (rejected("after_epoch", 9), "late sentences", "note"),
        (rejected("after_epoch", 10), "late sentences", "failed"),
        (epochs(irregular=2), "interval", "ok"),
        (epochs(irregular=3), "interval", "note"),
        (epochs(steps_back=1), "time order", "note"),
        (epochs(steps_back=2), "time order", "failed"),
        (epochs(duplicates=1), "time order", "note"),
        (epochs(duplicates=2), "time order", "failed"),
        (epochs(other_order=3), "cycle order", "ok"),
        (epochs(other_order=4), "cycle order", "note"),
        (fixes(located=54), "position", "ok"),
        (fixes(located=53), "position", "note"),
        (fixes(seconds_to_first=120.0), "position", "ok"),
        (fixes(seconds_to_first=121.0), "position", "note"),
        (fixes(seconds_to_first=None), "position", "failed"),
        (fixes(hdop=spread(1, 5)), "precision", "ok"),
        (fixes(hdop=spread(1, 5.1)), "precision", "note"),
        (fixes(satellites_used=spread(4, 8)), "precision", "ok"),
        (fixes(satellites_used=spread(3, 8)), "precision", "note"),
        (fixes(jumps=1, first_jumps=JUMP), "position jumps", "note"),
        (fixes(jumps=2, first_jumps=JUMP), "position jumps", "failed"),
    ],
)  # fmt: skip
def test_a_check_judges_by_its_threshold(change: Change, name: str, level: str) -> None:
    checks = {each.name: each for each in judge(change(facts_of(GOOD)))}

    assert checks[name].level == level
    assert checks[name].found
    assert bool(checks[name].remedy) == (level != "ok")


@pytest.mark.parametrize(("times", "level"), [(1, "note"), (2, "failed")])
def test_rmc_and_gga_that_differ_are_judged(times: int, level: str) -> None:
    differing = [
        rmc(f"0001{s:02}.000") + gga(f"0001{s:02}.000", lon="12042.10000") + GSA
        for s in range(times)
    ]
    assert levels(facts_of(GOOD + b"".join(differing)))["RMC and GGA"] == level


def test_a_missing_epoch_is_a_gap() -> None:
    found = {each.name: each for each in judge(facts_of(GOOD, epoch_rmc_at("000101.000")))}
    assert found["gaps"].level == "note"
    assert found["gaps"].found == (
        "1, the longest 2 s before line 1 of 1.log at 2024-10-04T00:01:01.000Z"
    )


def epoch_rmc_at(clock: str) -> bytes:
    return rmc(clock) + gga(clock) + GSA


@pytest.mark.parametrize("data", [b"", b"\x00\xff\x00", b"hello\r\n"])
def test_what_is_no_stream_fails_and_nothing_else_is_judged(data: bytes) -> None:
    found = levels(facts_of(data))
    assert found.pop("sentences") == "failed"
    assert found in ({}, {"foreign bytes": "note"})


def test_the_document_has_every_check() -> None:
    text = (ROOT / "docs" / "conformity.md").read_text()
    for each in judge(facts_of(GOOD)):
        assert f"\n| {each.name} | " in text
