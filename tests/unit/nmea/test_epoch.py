"""Which sentences become one fix, and when it leaves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.model import Fix
from services.nmea.epoch import MAX_LINES, Assembler, Rejected, Undated
from services.nmea.heading import HDT
from services.nmea.readings import Typed
from services.nmea.reasons import AFTER_EPOCH, CONNECTION_LOST, NO_TIME
from tests.unit.nmea.epoch_sentences import (
    DAY,
    assemble,
    at,
    feed,
    fixes,
    gga,
    gll,
    gns,
    gsa,
    gst,
    gsv,
    line,
    lines_of,
    rmc,
    utc,
    vtg,
    zda,
)


def test_sentences_of_one_time_become_one_fix() -> None:
    sentences = [gga(5), gns(5), gll(5), rmc(5), zda(5), gst(5)]

    (fix,) = fixes(assemble(sentences))

    assert (fix.time_us, fix.time_of_day_us, fix.lines) == (utc(5), at(5), 6)


def test_a_navigation_sentence_of_another_time_closes_the_epoch() -> None:
    outcomes = feed(Assembler("TRUCK-1"), [rmc(5), gga(5), rmc(6)])

    assert [(number, outcome.time_us) for number, outcome in outcomes] == [(3, utc(5))]


def test_sentences_without_a_time_belong_to_the_open_epoch() -> None:
    first, second = fixes(assemble([rmc(5), vtg(), gsa(), rmc(6)]))

    assert (first.lines, second.lines) == (3, 1)


def test_sentences_without_a_time_before_any_epoch_lead_the_next() -> None:
    (fix,) = fixes(assemble([vtg(), HDT("HE", 45.0), rmc(5)]))

    assert (fix.lines, fix.heading_deg) == (3, 45.0)


def test_a_timed_kind_with_an_empty_time_counts_as_one_without() -> None:
    (fix,) = fixes(assemble([rmc(None, valid=False), gga(5), rmc(5)]))

    assert fix.lines == 3


def test_a_receiver_that_lost_the_time_makes_an_epoch_of_every_cycle() -> None:
    outcomes = assemble([rmc(5), gga(5), rmc(None), gga(None), rmc(None), gga(None), rmc(9)])

    assert [type(outcome) for outcome in outcomes] == [Fix, Rejected, Rejected, Fix]
    assert [fix.lines for fix in fixes(outcomes)] == [2, 3]


def test_the_fix_tells_who_sent_it_and_when_its_last_line_was_read() -> None:
    assembler = Assembler("SHIP-7", "run-9")
    feed(assembler, [rmc(5), gga(5)])

    (fix,) = assembler.flush()

    assert isinstance(fix, Fix)
    assert (fix.terminal, fix.run, fix.received_at_us) == ("SHIP-7", "run-9", 1002)


def test_talkers_come_in_the_order_of_their_first_sentence() -> None:
    (fix,) = fixes(assemble([rmc(5, "BD"), gga(5, "GP"), gll(5, "BD"), vtg("GN")]))

    assert fix.talkers == ("BD", "GP", "GN")


def test_repeated_sentences_change_nothing_but_the_line_count() -> None:
    (once,) = fixes(assemble([rmc(5), gga(5), gsa("GN", "gps", 1, 2)]))
    (twice,) = fixes(assemble([rmc(5), rmc(5), gga(5), gga(5), *[gsa("GN", "gps", 1, 2)] * 2]))

    assert twice._replace(lines=once.lines, received_at_us=once.received_at_us) == once


def test_time_that_goes_back_a_little_gives_a_fix_of_the_older_time() -> None:
    times = [fix.time_us for fix in fixes(assemble([rmc(5), rmc(6), rmc(3), gga(7)]))]

    assert times == [utc(5), utc(6), utc(3), utc(7)]


@pytest.mark.parametrize("ahead", [2, -2, 0.5])
def test_a_clock_that_differs_from_the_positions_makes_no_fixes_of_its_own(ahead: float) -> None:
    sentences: list[Typed] = []
    for second in range(10, 15):
        sentences += [rmc(second), gga(second), zda(second + ahead), gst(second + ahead)]

    outcomes = assemble(sentences)

    with_position = [fix.time_us for fix in fixes(outcomes) if fix.lat is not None]
    assert with_position == [utc(second) for second in range(10, 15)]
    assert len(fixes(outcomes)) <= 6


def test_a_clock_before_the_position_opens_the_epoch() -> None:
    first, second = fixes(assemble([zda(5), gga(5), rmc(5), zda(6), gga(6), rmc(6)]))

    assert (first.lines, second.lines) == (3, 3)


def test_a_clock_alone_gives_a_fix_without_a_position() -> None:
    (fix,) = fixes(assemble([zda(5)]))

    assert (fix.time_us, fix.fix, fix.lat) == (utc(5), "none", None)


def test_a_clock_sentence_of_the_epoch_that_just_left_still_gives_its_date() -> None:
    sentences: list[Typed] = [gga(5), gga(6), zda(5), gga(7)]

    assert [type(outcome) for outcome in assemble(sentences)] == [Undated, Fix, Fix]


def test_a_sentence_of_the_epoch_that_just_left_is_rejected() -> None:
    outcomes = feed(Assembler("TRUCK-1"), [rmc(5), rmc(6), gga(5), gst(5)])

    assert outcomes[1:] == [
        (3, Rejected(line(3), AFTER_EPOCH, 1003)),
        (4, Rejected(line(4), AFTER_EPOCH, 1004)),
    ]


def test_the_same_time_of_the_next_day_is_an_epoch_of_its_own() -> None:
    assembler = Assembler("TRUCK-1")
    feed(assembler, [rmc(5)])
    assembler.flush()
    feed(assembler, [rmc(5, day=DAY + 1)])

    assert [fix.time_us for fix in fixes(assembler.flush())] == [utc(5, DAY + 1)]


def test_lines_without_any_time_are_rejected_at_the_flush() -> None:
    outcomes = assemble([vtg(), gsa()])

    assert outcomes == [
        Rejected(line(1), NO_TIME, 1002),
        Rejected(line(2), NO_TIME, 1002),
    ]


def test_a_flush_with_nothing_open_gives_nothing() -> None:
    assert list(Assembler("TRUCK-1").flush()) == []


def test_an_undated_fix_comes_with_its_lines() -> None:
    (outcome,) = assemble([gga(5), vtg()])

    assert isinstance(outcome, Undated)
    assert outcome.lines == (line(1), line(2))
    assert (outcome.fix.time_us, outcome.fix.time_of_day_us) == (None, at(5))


def test_a_discarded_epoch_gives_its_lines_back_as_lost() -> None:
    assembler = Assembler("TRUCK-1")
    feed(assembler, [rmc(5), gga(5)])

    assert list(assembler.discard()) == [
        Rejected(line(1), CONNECTION_LOST, 1002),
        Rejected(line(2), CONNECTION_LOST, 1002),
    ]
    assert (len(assembler.lines), list(assembler.flush())) == (0, [])


def test_pending_lines_and_ordinal_are_those_of_the_open_epoch() -> None:
    assembler = Assembler("TRUCK-1")
    assert (len(assembler.lines), assembler.pending_ordinal) == (0, None)
    feed(assembler, [rmc(5), gga(5)], first=7)
    assert (len(assembler.lines), assembler.pending_ordinal) == (2, 7)
    feed(assembler, [rmc(6)], first=9)
    assert (len(assembler.lines), assembler.pending_ordinal) == (1, 9)


@pytest.mark.parametrize(
    ("sentences", "expected"),
    [
        ([], None),
        ([gga(5)], None),
        ([rmc(5)], utc(5)),
        ([rmc(5), vtg(), rmc(6), gga(6)], utc(6)),
        ([rmc(5), gga(7)], utc(7)),
        ([zda(5)], utc(5)),
    ],
)
def test_the_last_time_is_the_same_before_and_after_a_flush(
    sentences: list[Typed], expected: int | None
) -> None:
    assembler = Assembler("TRUCK-1")
    feed(assembler, sentences)
    before = assembler.last_time_us
    assembler.flush()

    assert (before, assembler.last_time_us) == (expected, expected)


def test_an_epoch_of_too_many_lines_leaves() -> None:
    assembler = Assembler("TRUCK-1")

    outcomes = feed(assembler, [rmc(5), *[vtg()] * (3 * MAX_LINES)])

    assert (outcomes[0][0], type(outcomes[0][1])) == (MAX_LINES, Fix)
    assert len(assembler.lines) < MAX_LINES


SENTENCES = st.one_of(
    st.builds(rmc, st.sampled_from([None, 1, 2, 3, 86_399]), day=st.sampled_from([None, DAY])),
    st.builds(gga, st.sampled_from([None, 1, 2, 3, 86_399]), quality=st.sampled_from([0, 1])),
    st.builds(zda, st.sampled_from([1, 2, 3, 86_399])),
    st.builds(gst, st.sampled_from([1, 2, 3])),
    st.sampled_from([vtg(), gsa(), gsv("GP", 2, 1, 5, "gps"), gsv("GP", 2, 2, 5, "gps")]),
)


@given(st.lists(st.one_of(SENTENCES, st.none()), max_size=60))
def test_every_line_is_accounted_for_once(steps: list[Typed | None]) -> None:
    """None stands for a flush."""
    assembler = Assembler("TRUCK-1")
    outcomes = []
    for number, step in enumerate(steps):
        if step is None:
            outcomes += assembler.flush()
        else:
            outcomes += assembler.feed(step, line(number), number, number)
        read = sum(earlier is not None for earlier in steps[: number + 1])
        assert lines_of(outcomes) + len(assembler.lines) == read
    outcomes += assembler.flush()
    assert lines_of(outcomes) == sum(step is not None for step in steps)


@given(st.lists(SENTENCES, max_size=40))
def test_a_fix_has_a_position_exactly_if_it_has_a_quality(sentences: list[Typed]) -> None:
    for fix in fixes(assemble(sentences)):
        assert (fix.fix == "none") == (fix.lat is None) == (fix.lon is None)
        if fix.fix == "none":
            assert (fix.altitude_m, fix.speed_kmh, fix.course_deg) == (None, None, None)
