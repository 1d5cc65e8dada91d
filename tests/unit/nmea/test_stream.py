"""One byte stream of one terminal: fixes, messages, rejects and the ledger's counts."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.codec import content_id
from services.model import MAX_REJECT_BYTES
from services.nmea.reasons import (
    CHECKSUM_MISSING,
    CHECKSUM_WRONG,
    CONNECTION_LOST,
    LINE_TOO_LONG,
    NO_DATE,
)
from services.nmea.stream import Stream
from services.nmea.terminal import Outcomes, TerminalDecoder
from tests.unit.nmea.epoch_sentences import gga, rmc, utc
from tests.unit.nmea.stream_lines import BARE, GGA_5, GGA_6, RMC_5, TXT, WRONG, sentence

RECEIVED_US = 1_700_000_000_000_000


PIECES = [RMC_5, GGA_5, GGA_6, TXT, WRONG, BARE, b"\x00\xb5\x62binary", b"\r\n", b"$GNGGA,1"]


def decode(data: bytes, **options: bool) -> Outcomes:
    """All of a stream in one read."""
    return decode_cut([data], **options)


def decode_cut(reads: list[bytes], **options: bool) -> Outcomes:
    """All outcomes of a stream that came in these reads."""
    stream = Stream("TRUCK-1", run="run-1", **options)
    whole = Outcomes()
    for part in [*(stream.feed(read, RECEIVED_US) for read in reads), stream.finish(RECEIVED_US)]:
        whole.fixes += part.fixes
        whole.undated += part.undated
        whole.messages += part.messages
        whole.rejects += part.rejects
        whole.lines_used += part.lines_used
        whole.lines_control += part.lines_control
        for reason, count in part.lines_rejected.items():
            whole.lines_rejected[reason] = whole.lines_rejected.get(reason, 0) + count
    return whole


def everything(out: Outcomes) -> tuple[object, ...]:
    return tuple(getattr(out, name) for name in Outcomes.__slots__)


def test_bytes_become_fixes() -> None:
    out = decode(RMC_5 + GGA_5 + GGA_6)

    assert [(fix.time_us, fix.lines) for fix in out.fixes] == [(utc(5), 2), (utc(6), 1)]
    assert {(fix.terminal, fix.run, fix.received_at_us) for fix in out.fixes} == {
        ("TRUCK-1", "run-1", RECEIVED_US)
    }
    assert (out.lines_used, out.lines_rejected) == (3, {})


def test_a_last_line_without_a_newline_counts() -> None:
    assert decode((RMC_5 + GGA_5).rstrip()).lines_used == 2


def test_rejected_lines_keep_their_reason_and_bytes() -> None:
    out = decode(WRONG + RMC_5 + BARE)

    assert [(reject.reason, reject.line) for reject in out.rejects] == [
        (CHECKSUM_WRONG, WRONG.strip()),
        (CHECKSUM_MISSING, BARE.strip()),
    ]
    assert {reject.terminal for reject in out.rejects} == {"TRUCK-1"}
    assert out.lines_rejected == {CHECKSUM_WRONG: 1, CHECKSUM_MISSING: 1}


def test_a_missing_checksum_can_be_allowed() -> None:
    out = decode(RMC_5 + BARE, allow_missing_checksum=True)

    assert (out.lines_used, out.rejects) == (2, [])


def test_lines_of_an_undated_fix_are_rejected_one_by_one() -> None:
    out = decode(GGA_5 + BARE + GGA_6)

    assert [fix.time_us for fix in out.undated] == [None, None]
    assert out.lines_rejected == {CHECKSUM_MISSING: 1, NO_DATE: 2}
    assert [reject.line for reject in out.rejects[1:]] == [GGA_5.strip(), GGA_6.strip()]
    assert (out.fixes, out.lines_used) == ([], 0)


def test_a_sentence_that_is_no_part_of_a_fix_becomes_a_message() -> None:
    out = decode(TXT + RMC_5 + TXT)

    first, second = out.messages
    assert (first.time_us, second.time_us) == (None, utc(5))
    assert (second.terminal, second.run) == ("TRUCK-1", "run-1")
    assert (second.talker, second.sentence, second.line) == ("GP", "TXT", TXT.strip())
    assert second.id == content_id("TRUCK-1", utc(5), TXT.strip())
    assert out.lines_used == 3


def test_a_very_long_line_is_rejected_with_the_bytes_that_a_reject_holds() -> None:
    out = decode(b"$GNTXT," + b"A" * 5000 + b"\r\n" + RMC_5)

    assert out.lines_rejected == {LINE_TOO_LONG: 1}
    assert len(out.rejects[0].line) == MAX_REJECT_BYTES
    assert len(out.fixes) == 1


def test_identification_and_login_do_not_change_the_terminal() -> None:
    out = decode(sentence("PDPR,LOGIN,OTHER,token") + b"$PGID,ANOTHER*4B\r\n" + RMC_5)

    assert [fix.terminal for fix in out.fixes] == ["TRUCK-1"]


@given(
    st.lists(st.sampled_from(PIECES), max_size=12).flatmap(
        lambda pieces: st.tuples(
            st.just(b"".join(pieces)),
            st.lists(st.integers(0, len(b"".join(pieces))), max_size=8),
        )
    )
)
def test_the_cuts_between_reads_make_no_difference(data_and_cuts: tuple[bytes, list[int]]) -> None:
    data, cuts = data_and_cuts
    edges = [0, *sorted(cuts), len(data)]
    reads = [data[start:end] for start, end in pairwise(edges)]

    assert everything(decode_cut(reads)) == everything(decode(data))


def test_every_fix_says_how_many_lines_it_accounts_for() -> None:
    out = decode(b"".join(PIECES) * 3)

    in_fixes = sum(fix.lines for fix in out.fixes)
    assert out.lines_used == in_fixes + len(out.messages) + out.lines_control
    assert sum(out.lines_rejected.values()) == len(out.rejects)


def test_a_decoder_gives_up_its_open_epoch_when_the_connection_is_lost() -> None:
    decoder, out = TerminalDecoder("TRUCK-1"), Outcomes()
    decoder.take(b"a", rmc(5), 1, RECEIVED_US, out)
    decoder.take(b"b", gga(5), 2, RECEIVED_US, out)
    assert (decoder.pending_lines, decoder.pending_ordinal) == (2, 1)

    decoder.discard(out)

    assert [(reject.reason, reject.line) for reject in out.rejects] == [
        (CONNECTION_LOST, b"a"),
        (CONNECTION_LOST, b"b"),
    ]
    assert (decoder.pending_lines, decoder.pending_ordinal, out.fixes) == (0, None, [])


def test_outcomes_can_be_emptied_for_the_next_batch() -> None:
    out = decode(b"".join(PIECES))

    out.clear()

    assert everything(out) == everything(Outcomes())
