"""The end of an epoch, learnt from the stream, so that a fix leaves at once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from services.model import Fix
from services.nmea.cycle import MAX_KINDS, MOST_NEEDED
from services.nmea.epoch import Assembler, Outcome, Rejected
from services.nmea.readings import Typed
from services.nmea.reasons import AFTER_EPOCH, NO_TIME
from tests.unit.nmea.epoch_sentences import feed, gga, gsa, gsv, rmc, utc, vtg


def epoch(second: int) -> list[Typed]:
    return [rmc(second), gga(second), vtg()]


def stream(first: int, count: int) -> list[Typed]:
    return [sentence for second in range(first, first + count) for sentence in epoch(second)]


def left_at(outcomes: Sequence[tuple[int, Outcome]]) -> dict[int, int]:
    """Fix time to the number of the sentence that brought it out."""
    return {outcome.time_us: number for number, outcome in outcomes if isinstance(outcome, Fix)}


def learnt() -> Assembler:
    """An assembler that has learnt rmc, gga, vtg, with the epoch of second 2 open."""
    assembler = Assembler("TRUCK-1")
    feed(assembler, [*stream(0, 2), rmc(2)], first=1000)
    return assembler


def test_after_two_equal_epochs_the_next_leaves_with_its_last_sentence() -> None:
    left = left_at(feed(Assembler("TRUCK-1"), stream(0, 4)))

    assert left == {utc(0): 4, utc(1): 7, utc(2): 9, utc(3): 12}


def test_unequal_epochs_teach_nothing() -> None:
    sentences = [*epoch(0), *epoch(1)[:2], *epoch(2), *epoch(3)[:2], *epoch(4), rmc(5)]
    left = left_at(feed(Assembler("TRUCK-1"), sentences))

    assert list(left.values()) == [4, 6, 9, 11, 14]


def test_a_flush_interrupts_the_learning() -> None:
    assembler = Assembler("TRUCK-1")
    feed(assembler, epoch(0))
    assembler.flush()

    left = left_at(feed(assembler, stream(1, 3)))

    assert left == {utc(1): 4, utc(2): 7, utc(3): 9}


def test_several_gsa_are_counted() -> None:
    sentences: list[Typed] = []
    for second in range(3):
        sentences += [rmc(second), gsa(), gsa(system="beidou"), gsa(system="galileo")]

    assert left_at(feed(Assembler("TRUCK-1"), sentences))[utc(2)] == 12


def test_the_size_of_a_gsv_group_does_not_matter() -> None:
    sentences: list[Typed] = []
    ends = []
    for second, size in enumerate([3, 2, 4, 1]):
        sentences += [rmc(second), *(gsv("GP", size, n, 9, "gps") for n in range(1, size + 1))]
        ends.append(len(sentences))

    left = left_at(feed(Assembler("TRUCK-1"), sentences))

    assert [left[utc(2)], left[utc(3)]] == ends[2:]


def test_talkers_are_told_apart() -> None:
    sentences: list[Typed] = []
    for second in range(3):
        sentences += [rmc(second, "GP"), rmc(second, "BD")]

    assert left_at(feed(Assembler("TRUCK-1"), sentences))[utc(2)] == 6


def test_sentences_without_a_time_after_the_end_lead_the_next_epoch() -> None:
    assembler = learnt()

    outcomes = feed(assembler, [gga(2), vtg(), gsa(), *epoch(3)])

    assert [(n, o.lines) for n, o in outcomes if isinstance(o, Fix)] == [(2, 3), (6, 4)]


def test_a_sentence_after_the_end_is_rejected_and_the_cycle_forgotten() -> None:
    assembler = learnt()

    outcomes = feed(assembler, [gga(2), vtg(), gga(2), *stream(3, 6)])

    assert [o.reason for _, o in outcomes if isinstance(o, Rejected)] == [AFTER_EPOCH]
    left = left_at(outcomes)
    assert [left[utc(second)] for second in range(3, 9)] == [7, 10, 13, 16, 18, 21]


def refute(assembler: Assembler, start: int) -> int:
    """Feed equal epochs until one leaves complete, then a late sentence; how many it took."""
    for second in range(start, start + 200):
        outcomes = left_at(feed(assembler, epoch(second)))
        if utc(second) in outcomes:
            feed(assembler, [gga(second)])
            return second - start
    raise AssertionError("never learnt")


def test_every_refuted_cycle_doubles_the_epochs_needed_up_to_a_limit() -> None:
    assembler = Assembler("TRUCK-1")

    assert [refute(assembler, 1000 * n) for n in range(8)] == [2, 4, 8, 16, 32, 64, 64, 64]
    assert MOST_NEEDED == 64


def test_an_epoch_that_lacks_a_sentence_leaves_with_the_next_and_the_cycle_stays() -> None:
    assembler = learnt()

    outcomes = feed(assembler, [gga(2), *epoch(3)])

    assert left_at(outcomes) == {utc(2): 2, utc(3): 4}


@pytest.mark.parametrize(("lacking", "kept"), [(2, True), (3, False)])
def test_three_incomplete_epochs_in_a_row_make_the_cycle_forgotten(
    lacking: int, kept: bool
) -> None:
    assembler = learnt()
    feed(assembler, [rmc(second) for second in range(3, 2 + lacking)])

    left = left_at(feed(assembler, epoch(60)))

    assert (utc(60) in left) is kept


def test_complete_epochs_in_between_keep_the_cycle() -> None:
    assembler = learnt()
    feed(assembler, [gga(2), vtg()])
    for second in range(3, 30, 3):
        feed(assembler, [rmc(second), rmc(second + 1), *epoch(second + 2)])

    assert utc(90) in left_at(feed(assembler, epoch(90)))


def test_nothing_is_learnt_before_a_date_is_known() -> None:
    """Such fixes can't be stored: better to wait for a date than to be early."""
    assembler = Assembler("TRUCK-1")

    outcomes = feed(assembler, [gga(0), gga(1), gga(2), gga(3), rmc(3), gga(4)])

    assert left_at(outcomes) == {utc(3): 6}


def test_an_epoch_of_too_many_kinds_is_not_learnt() -> None:
    talkers = [chr(65 + n // 26) + chr(65 + n % 26) for n in range(MAX_KINDS + 1)]
    sentences = [rmc(second, talker) for second in range(5) for talker in talkers]

    left = left_at(feed(Assembler("TRUCK-1"), sentences))

    assert list(left.values()) == [len(talkers) * n + 1 for n in range(1, 5)]


def test_an_epoch_that_has_the_whole_cycle_but_no_time_is_rejected_at_once() -> None:
    assembler = learnt()
    feed(assembler, [gga(2), vtg()])

    outcomes = feed(assembler, [rmc(None), gga(None), vtg(), *epoch(3)])

    assert [(n, o.reason) for n, o in outcomes[:-1] if isinstance(o, Rejected)] == [
        (3, NO_TIME)
    ] * 3
    assert left_at(outcomes) == {utc(3): 6}


def led(second: int) -> list[Typed]:
    """The epoch of a receiver that begins with sentences without a time."""
    return [gsa(), gsv("GP", 2, 1, 7, "gps"), gsv("GP", 2, 2, 7, "gps"), rmc(second), gga(second)]


def test_what_the_stream_begins_with_begins_the_epochs() -> None:
    assembler = Assembler("TRUCK-1")

    outcomes = feed(assembler, [s for second in range(7) for s in led(second)])

    assert len(assembler.lines) == 0
    left = left_at(outcomes)
    assert [left[utc(second)] for second in range(7)] == [9, 14, 19, 20, 25, 30, 35]
    assert [o.lines for _, o in outcomes if isinstance(o, Fix)] == [8, 5, 5, 2, 5, 5, 5]


def test_an_incomplete_epoch_does_not_shift_the_beginning() -> None:
    assembler = Assembler("TRUCK-1")
    feed(assembler, [s for second in range(7) for s in led(second)])

    left = left_at(feed(assembler, [*led(7)[:-1], *led(8), *led(9)]))

    assert left == {utc(7): 8, utc(8): 9, utc(9): 14}


@pytest.mark.parametrize(
    "start",
    [
        pytest.param([gga(1)], id="with a time"),
        pytest.param(led(0)[1:3], id="with a part of them"),
        pytest.param([gsv("GP", 2, 2, 7, "gps"), gsa()], id="within a group"),
        pytest.param([vtg(), *led(1)[:3]], id="with something else"),
    ],
)
def test_a_stream_that_begins_otherwise_has_them_end_the_epochs(start: list[Typed]) -> None:
    assembler = Assembler("TRUCK-1")
    feed(assembler, [*start, rmc(1), gga(1), *(s for n in range(2, 9) for s in led(n))])

    assert len(assembler.lines) == 2

    feed(assembler, led(9)[:3])

    assert len(assembler.lines) == 0
