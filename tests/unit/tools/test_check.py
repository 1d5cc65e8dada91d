"""``dipper check``: the facts of a stream, and whole reports of real captures.

The reports beside this file were read by eye. After a wanted change, in tests/captures:
``dipper check gpsd/beidou-bd.log > ../unit/tools/check_reports/beidou-bd.txt`` and so on.
"""

from __future__ import annotations

import errno
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.nmea.read import read_line
from services.tools.check import CONFORMS, FAILED, check
from services.tools.check_epochs import step_between
from services.tools.check_facts import Constellation, Facts, Identity
from services.tools.check_fixes import rmc_gga_difference
from services.tools.check_histogram import Spread
from services.tools.check_lines import LineEnds, escaped
from services.tools.check_stream import StreamCheck
from services.tools.decode import decode_captures
from tests.unit.nmea.stream_lines import BARE, GGA_5, NO_FIX_7, RMC_5, TXT, WRONG, sentence
from tests.unit.tools.check_streams import GOOD, GSA, epoch, facts_of, gga, rmc

ROOT = Path(__file__).parents[3]
CAPTURES = ROOT / "tests" / "captures"
REPORTS = Path(__file__).parent / "check_reports"
DAY_US = 86_400_000_000


def rejections(facts: Facts) -> dict[str, tuple[int, int]]:
    return {each.reason: (each.count, each.first.line) for each in facts.lines.rejections}


# Whole reports


REPORTED = {
    "beidou-bd": ("gpsd/beidou-bd.log", {}, CONFORMS),
    "good": ("aerorust-nmea/nmea_with_sat_info.log", {}, CONFORMS),
    "bad": ("gpsd/gp-320fw-2019-04-07-coldboot.log", {}, FAILED),
    "binary": ("pygnssutils/pygpsdata-rtcm3.log", {}, CONFORMS),
    "no-checksum": ("gpsd/hp58534a.log", {}, FAILED),
    "no-checksum-allowed": ("gpsd/hp58534a.log", {"allow_missing_checksum": True}, CONFORMS),
}


@pytest.mark.parametrize("name", REPORTED)
def test_a_capture_gives_the_report_that_was_read_by_eye(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture, options, code = REPORTED[name]
    monkeypatch.chdir(CAPTURES)
    out, talk = io.StringIO(), io.StringIO()

    assert check([capture], out, as_json=False, talk=talk, **options) == code

    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    expected = (REPORTS / f"{name}.txt").read_text().splitlines()
    assert lines == [line.rstrip() for line in expected]
    assert max(map(len, lines)) <= 100
    assert talk.getvalue() == ""


@pytest.mark.parametrize(
    "capture",
    [path for path in sorted(CAPTURES.rglob("*")) if path.suffix in (".log", ".ubx", ".txt")],
    ids=lambda path: path.name,
)
def test_lines_and_epochs_are_those_that_decode_counts(capture: Path) -> None:
    stream = StreamCheck()
    stream.begin_file("x")
    data = capture.read_bytes()
    for start in range(0, len(data), 4096):
        stream.feed(data[start : start + 4096])
    facts = stream.finish()

    parts = list(decode_captures([str(capture)], "T-1"))
    assert facts.lines.used == sum(part.lines_used for part in parts)
    assert facts.lines.control == sum(part.lines_control for part in parts)
    rejected: dict[str, int] = {}
    for part in parts:
        for reason, count in part.lines_rejected.items():
            rejected[reason] = rejected.get(reason, 0) + count
    assert {each.reason: each.count for each in facts.lines.rejections} == rejected
    assert facts.epochs.count == sum(len(part.fixes) + len(part.undated) for part in parts)
    for each in facts.lines.rejections:
        assert 1 <= each.first.line <= facts.lines.physical


# The shell


def test_json_holds_verdict_checks_and_facts(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(GOOD)
    out = io.StringIO()

    code = check([str(tmp_path / "a.log")], out, as_json=True, talk=io.StringIO())

    report = json.loads(out.getvalue())
    assert (code, report["conforms"]) == (CONFORMS, True)
    assert report["checks"][0] == {
        "name": "sentences",
        "level": "ok",
        "found": "180 accepted",
        "remedy": "",
    }
    assert report["facts"]["epochs"]["interval_s"]["median"] == 1.0
    assert report["facts"]["sentences"][0]["rate_hz"] == 1.0


@pytest.mark.parametrize("as_json", [True, False])
def test_an_unreadable_file_gives_one_sentence_and_no_report(tmp_path: Path, as_json: bool) -> None:
    (tmp_path / "a.log").write_bytes(GOOD)
    (tmp_path / "b.gz").write_bytes(gzip.compress(GOOD)[:-9])
    out, talk = io.StringIO(), io.StringIO()
    names = [str(tmp_path / "a.log"), str(tmp_path / "b.gz")]

    assert check(names, out, as_json=as_json, talk=talk) == FAILED

    told = f"cannot read capture {tmp_path / 'b.gz'}: the gzip file is truncated\n"
    assert (out.getvalue(), talk.getvalue()) == ("", told)


class Full(io.StringIO):
    """An output on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_an_output_that_fails_gives_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(GOOD)
    talk = io.StringIO()

    assert check([str(tmp_path / "a.log")], Full(), as_json=False, talk=talk) == FAILED
    assert talk.getvalue() == "cannot write the output: No space left on device\n"


def test_a_name_that_looks_like_markup_is_shown_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "[red]a.log").write_bytes(GOOD + b"[bold]junk\r\n")
    out = io.StringIO()

    check([str(tmp_path / "[red]a.log")], out, as_json=False, talk=io.StringIO())

    assert "[red]a.log" in out.getvalue()
    assert "[bold]junk" in out.getvalue()


# Facts of a stream


@given(st.lists(st.integers(1, 300), max_size=40))
def test_the_facts_do_not_depend_on_how_the_bytes_were_cut(cuts: list[int]) -> None:
    data = b"\xd3\x00*41\r" + GOOD[:900] + BARE + WRONG + TXT + GOOD[900:1500] + b"\n$GN"
    stream, start = StreamCheck(), 0
    stream.begin_file("0.log")
    for cut in cuts:
        stream.feed(data[start : start + cut])
        start += cut
    stream.feed(data[start:])

    assert stream.finish() == facts_of(data)


def test_a_rejection_names_the_first_line_of_its_reason_in_its_file() -> None:
    undated, dated = gga("000004.000"), RMC_5 + GGA_5
    late = gga("000005.000")
    facts = facts_of(undated + undated, dated + NO_FIX_7 + WRONG + late + WRONG, BARE)

    assert rejections(facts) == {
        "no_date": (2, 1),
        "checksum_wrong": (2, 4),
        "after_epoch": (1, 5),
        "checksum_missing": (1, 1),
    }
    assert {each.first.file for each in facts.lines.rejections} == {"0.log", "1.log", "2.log"}


def test_a_sentence_that_comes_after_its_epoch_left_is_found_where_it_stands() -> None:
    cycle = [rmc(f"0000{second:02}.000") + gga(f"0000{second:02}.000") for second in range(8)]
    facts = facts_of(b"".join(cycle) + gga("000007.000"))

    assert rejections(facts) == {"after_epoch": (1, 17)}


def test_sentences_of_a_receiver_without_a_time_count_for_no_rate() -> None:
    lost = sentence("GNRMC,,V,,,,,,,,,,N") + TXT
    facts = facts_of(lost * 30 + b"".join([rmc(f"0000{s:02}.000") + TXT for s in range(10)]))

    # The last RMC without a time leads the first epoch.
    assert {each.sentence: (each.count, each.rate_hz) for each in facts.sentences} == {
        "RMC": (40, 1.1),
        "TXT": (40, 1.0),
    }
    assert rejections(facts) == {"no_time": (29, 1)}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (sentence("PDPR,LOGIN,TRUCK-7,secret"), ("login", "TRUCK-7")),
        (sentence("PGID,TRUCK-7"), ("pgid", "TRUCK-7")),
        (b"IMEI 123456789012345\r\n", ("imei", "123456789012345")),
        (b"123456789012345" + RMC_5, ("prefix", "123456789012345")),
        (b"\\" + sentence("s:SHIP-1")[1:-2] + b"\\" + RMC_5, ("tag", "SHIP-1")),
    ],
)
def test_identities_are_noticed(line: bytes, said: tuple[str, str]) -> None:
    assert facts_of(line).identities == (Identity(*said, 1),)


def test_epochs_are_measured_in_event_time() -> None:
    clocks = ("235958", "235959", "000000", "000001", "000005", "000003", "000004", "000005")
    dates = ("041024", "041024") + ("051024",) * 6
    found = facts_of(
        b"".join([rmc(f"{c}.000", date=d) for c, d in zip(clocks, dates, strict=True)])
    ).epochs

    assert (found.count, found.undated, found.midnights) == (8, 0, 1)
    assert found.interval_s == Spread(6, 1.0, 1.0, 4.0, 4.0)
    assert (found.gaps, found.irregular, found.steps_back, found.duplicates) == (1, 1, 1, 1)
    assert (found.longest_gaps[0].seconds, found.longest_gaps[0].end.line) == (4.0, 5)
    step = found.first_steps_back[0]
    assert (step.seconds, step.place.time) == (2.0, "2024-10-05T00:00:03.000Z")


def test_a_stream_without_a_date_passes_midnight_by_its_time_of_day() -> None:
    clocks = ("235959.000", "000000.000", "000001.000")
    found = facts_of(b"".join([gga(clock) for clock in clocks])).epochs

    assert (found.midnights, found.undated, found.steps_back, found.gaps) == (1, 3, 0, 0)


@pytest.mark.parametrize(
    ("earlier", "later", "seconds"),
    [
        ((10 * DAY_US, 0), (11 * DAY_US, 0), 86_400),
        ((None, 5_000_000), (10 * DAY_US, 6_000_000), 1),
        ((None, DAY_US - 1_000_000), (None, 0), 1),
        ((None, 0), (None, DAY_US - 1_000_000), -1),
    ],
)
def test_the_step_between_two_epochs(
    earlier: tuple[int | None, int], later: tuple[int | None, int], seconds: int
) -> None:
    assert step_between(earlier, later) == seconds * 1_000_000


def test_another_order_of_sentences_is_counted_and_an_extra_one_is_not() -> None:
    turned = gga("000010.000") + rmc("000010.000") + GSA
    extra = rmc("000011.000") + gga("000011.000") + GSA + sentence("GNVTG,,T,,M,,N,,K,N")
    found = facts_of(b"".join(map(epoch, range(10))) + turned + extra).epochs

    assert found.usual_order == ("GNRMC", "GNGGA", "GNGSA")
    assert found.other_order == 1


def test_a_jump_is_measured_with_the_time_since_the_fix_before() -> None:
    fixes = facts_of(
        rmc("000000.000")
        + sentence("GNRMC,000001.000,V,,,,,,,041024,,,N")
        + rmc("000002.000", lon="12042.60000")
        + rmc("000003.000", lon="12042.70000")
    ).fixes

    assert (fixes.steps, fixes.jumps) == (2, 2)
    jump = fixes.first_jumps[0]
    assert jump.seconds == 2.0
    assert jump.distance_m == pytest.approx(982, abs=1)
    assert jump.speed_kmh == pytest.approx(1767, abs=2)


def test_fixes_are_measured() -> None:
    fixes = facts_of(sentence("GNRMC,000055.000,V,,,,,,,031024,,,N") + GOOD).fixes

    assert fixes.qualities == {"gnss": 60, "none": 1}
    assert fixes.seconds_to_first is not None
    assert (fixes.located, fixes.told_satellites) == (60, 60)
    assert fixes.hdop == Spread(60, 1.7, 1.7, 1.7, 1.7)
    assert fixes.satellites_used == Spread(60, 13, 13, 13, 13)
    assert fixes.constellations == (Constellation("beidou", 60, 0),)


@pytest.mark.parametrize(
    ("lines", "degrees"),
    [
        ((RMC_5, GGA_5), 0.0),
        ((RMC_5, gga("000005.000", lon="12042.00600")), 1e-4),
        ((RMC_5,), None),
        ((NO_FIX_7, GGA_5), None),
        ((rmc("000005.000", lon="17959.99400"), sentence(
            "GNGGA,000005.000,2800.00000,N,17959.99400,W,1,13,1.7,63.6,M,48.3,M,,"
        )), 2e-4),
    ],
)  # fmt: skip
def test_rmc_and_gga_are_compared(lines: tuple[bytes, ...], degrees: float | None) -> None:
    readings = [read_line(line.strip())[0][1] for line in lines]
    difference = rmc_gga_difference(readings)  # type: ignore[arg-type]
    assert difference == (None if degrees is None else pytest.approx(degrees, abs=1e-9))


@pytest.mark.parametrize(("lon", "differ"), [("12042.00600", 0), ("12042.00700", 1)])
def test_a_difference_of_exactly_the_threshold_is_none(lon: str, differ: int) -> None:
    fixes = facts_of(RMC_5 + gga("000005.000", lon=lon)).fixes
    assert (fixes.compared, fixes.disagreements) == (1, differ)


# Lines


@pytest.mark.parametrize(
    ("data", "crlf", "lf", "cr"),
    [
        (b"$X*41\r\n$X*41\r\n", 2, 0, 0),
        (b"$X*41\n$X*4a\n", 0, 2, 0),
        (b"$X*41\r$X*41\r\r\n", 0, 0, 2),
        (b"$X*41\r\n$X*41\r", 1, 0, 0),
        (b"$X*41", 0, 0, 0),
        (b"\xb5b\n\n\r\n text\n", 0, 0, 0),
    ],
)
def test_line_ends_of_sentences_are_counted_however_cut(
    data: bytes, crlf: int, lf: int, cr: int
) -> None:
    for size in range(1, len(data) + 1):
        ends = LineEnds()
        for start in range(0, len(data), size):
            ends.feed(data[start : start + size])
        ends.finish()
        assert ends.counts() == {"crlf": crlf, "lf": lf, "cr": cr}


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"$GPGGA,1", "$GPGGA,1"),
        (b"\x00\xd3\x1b[31m", "\\x00\\xd3\\x1b[31m"),
        (b"A" * 61, "A" * 59 + "…"),
        (b"$PDPR,LOGIN,TRUCK-7,secret*00", "$PDPR,LOGIN,TRUCK-7,...*00"),
        (b"$PDPR,LOGIN,TRUCK-7,sec", "$PDPR,LOGIN,TRUCK-7,..."),
    ],
)
def test_an_example_is_printable_short_and_without_a_token(line: bytes, shown: str) -> None:
    assert escaped(line) == shown


@pytest.mark.parametrize(("body_length", "over"), [(76, 0), (77, 1)])
def test_the_limit_of_82_bytes_includes_dollar_checksum_cr_and_lf(
    body_length: int, over: int
) -> None:
    facts = facts_of(sentence("GPTXT,01,01,01,".ljust(body_length, "x")))
    assert (facts.lines.longest, facts.lines.over_limit) == (82 + over, over)


def test_lower_case_and_missing_checksums_are_counted() -> None:
    line = next(line for line in map(epoch_rmc, range(60)) if line[-4:-2].lower() != line[-4:-2])
    facts = facts_of(line[:-4] + line[-4:-2].lower() + b"\r\n" + BARE, allow_missing_checksum=True)
    assert (facts.lines.lower_case_checksums, facts.lines.without_checksum) == (1, 1)


def epoch_rmc(second: int) -> bytes:
    return rmc(f"0000{second:02}.000")
