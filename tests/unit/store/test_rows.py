"""Events, messages, rejects and tallies as rows."""

from __future__ import annotations

import pytest

from services.log.base import MESSAGE, REJECT, TALLY, ZONE_EVENT
from services.store.prepared import REFUSED, Dead, dead_counts, dead_rows, without
from services.store.rows import build_rows, newest_tallies, stamp
from services.store.tables import TABLES
from tests.integration.store.records import RUN, START_US, batch, event, message, reject, tally

IDS = {"TRUCK-1": 7}


@pytest.mark.parametrize(
    ("topic", "value"),
    [
        (ZONE_EVENT, event(1)),
        (MESSAGE, message()),
        (REJECT, reject()),
        (TALLY, tally()),
    ],
)
def test_a_row_has_a_value_for_each_column_of_its_table(topic: str, value: bytes) -> None:
    built = build_rows(batch(topic, [value]), IDS)
    assert [len(row) for row in built.rows] == [len(TABLES[topic].columns)]
    assert built.dead == []


@pytest.mark.parametrize("topic", [ZONE_EVENT, MESSAGE, REJECT, TALLY])
@pytest.mark.parametrize("value", [None, b"", b"[]", b"{}", b'{"a":1}', b"\xff"])
def test_a_record_of_another_kind_is_a_dead_letter(topic: str, value: bytes | None) -> None:
    built = build_rows(batch(topic, [value]), IDS)
    assert built.rows == []
    assert [letter.reason for letter in built.dead] == ["undecodable"]


@pytest.mark.parametrize(
    ("topic", "value"),
    [
        (MESSAGE, message(run=None)),
        (MESSAGE, message(time_us="now")),
        (MESSAGE, message(terminal=[])),
        (TALLY, tally(fix_offsets=None)),
        (TALLY, tally(reject_offsets={0: "x"})),
        (TALLY, tally(lines_repeated=None)),
        (TALLY, tally(run="a\0b")),
        (REJECT, reject(reason="a\0b")),
    ],
)
def test_a_field_of_another_kind_is_a_dead_letter(topic: str, value: bytes) -> None:
    built = build_rows(batch(topic, [value]), IDS)
    assert (built.rows, len(built.dead), built.counts) == ([], 1, {})


def test_terminals_without_an_id_are_named() -> None:
    values = [event(1, terminal="SHIP-9"), event(1)]
    built = build_rows(batch(ZONE_EVENT, values), IDS)
    assert (built.unknown, len(built.rows)) == ({"SHIP-9"}, 1)


def test_the_ledger_counts_messages_and_rejects_by_run() -> None:
    assert build_rows(batch(MESSAGE, [message()] * 3), IDS).counts == {(RUN, "lines"): 3}
    values = [reject(), reject(reason="malformed"), reject()]
    assert build_rows(batch(REJECT, values), IDS).counts == {
        (RUN, "rejected/not_nmea"): 2,
        (RUN, "rejected/malformed"): 1,
    }


def test_only_the_newest_tally_of_a_run_is_kept() -> None:
    values = [tally(5), tally(4), tally(2, run="run-2"), tally(1)]
    newest = newest_tallies(build_rows(batch(TALLY, values), {}))
    assert [row[:2] for row in newest.rows] == [(RUN, 5), ("run-2", 2)]
    assert [record.offset for record in newest.records] == [0, 2]


def test_a_refused_row_becomes_a_dead_letter_of_its_own_record() -> None:
    built = build_rows(batch(ZONE_EVENT, [event(1), event(2), event(3)], start=10), IDS)
    rest = without(built, {1: "too long"})
    assert [record.offset for record in rest.records] == [10, 12]
    assert rest.rows == [built.rows[0], built.rows[2]]
    assert rest.dead == [Dead(built.records[1], REFUSED, "too long")]


def test_a_dead_letter_is_cut_to_what_the_table_takes() -> None:
    source = batch(ZONE_EVENT, [b"x" * 5000], start=3)
    letter = Dead(source.records[0], "a\0b", "\ud800" + "y" * 999)
    row = dead_rows(source, [letter])[0]
    assert row[:3] == (ZONE_EVENT, 0, 3)
    assert row[5] == "ab"
    assert len(row[6]) == 255
    assert row[6].encode()
    assert len(row[7]) == 1024


def test_dead_letters_count_by_reason_and_foreign_ones_apart() -> None:
    record = batch(ZONE_EVENT, [b""]).records[0]
    letters = [Dead(record, "a", ""), Dead(record, "a", ""), Dead(record, "a", "", False)]
    assert dead_counts(letters) == {"dead_lettered/a": 2, "foreign": 1}


@pytest.mark.parametrize(
    ("time_us", "expected"),
    [(None, None), (946_684_800_000_000, (0,)), (START_US, (813_315_200_000_000,))],
)
def test_times_count_from_the_database_s_own_epoch(
    time_us: int | None, expected: tuple[int] | None
) -> None:
    assert stamp(time_us) == expected
