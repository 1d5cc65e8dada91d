"""The protocol of one connection without its socket: bytes in; outcomes, replies, close out.

No clock either: silence is counted in ticks that the caller gives (see ``tick``).
"""

from __future__ import annotations

from services.ingest import replies
from services.ingest.claims import Claims
from services.ingest.hiding import hide_tokens
from services.ingest.identity import Trust
from services.ingest.limits import BAD_LINES
from services.ingest.settings import SessionSettings
from services.ingest.streams import Stream, Streams
from services.ingest.visitor import Stranger, Visitor
from services.nmea.core import LONGEST_PLAIN
from services.nmea.epoch import WholeBytes
from services.nmea.framing import Framer
from services.nmea.identity import Identification
from services.nmea.read import Bad, Control, Numbered, Reading, line_reader
from services.nmea.reasons import NOT_NMEA, UNSUPPORTED
from services.nmea.tag_block import TagBlock
from services.nmea.terminal import Outcomes

_ABOUT_THE_CONNECTION = frozenset((Control, Identification, TagBlock))


class Session:
    """Reads one connection's bytes.

    ``receive``, ``tick`` and ``end`` return what became known, to be published in that order;
    after each call ``replies`` and ``closing`` say what to do with the connection.
    """

    __slots__ = (
        "_framer",
        "_given_up_after",
        "_nothing_open",
        "_read_lines",
        "_settings",
        "acknowledged",
        "acknowledging",
        "bad_in_row",
        "claims",
        "exceeded",
        "heard_valid",
        "lines_read",
        "lines_received",
    )

    def __init__(self, settings: SessionSettings, run: str, visitor: Visitor | None = None) -> None:
        self.lines_received = 0
        """Physical lines: what acknowledgements count."""
        self.lines_read = 0
        """Lines as the ledger counts them: several where sentences stick together."""
        self.acknowledging = False
        self.acknowledged = 0
        """The newest acknowledgement."""
        self.exceeded: str | None = None
        """The limit because of which it is closing."""
        self.bad_in_row = 0
        """Bad lines since the last good one."""
        self.heard_valid = False
        """Whether any line could be read, whoever it is from."""
        self._settings = settings
        self._framer = Framer(settings.max_line)
        self._read_lines = line_reader(
            allow_missing_checksum=settings.allow_missing_checksum,
            max_line=settings.max_line,
            max_fields=settings.max_fields,
        )
        self.claims = Claims(visitor or Stranger(), Streams(run, settings.max_terminals))
        """Whom the connection speaks for."""
        self._given_up_after: int | None = None
        self._nothing_open = False
        """Surely so, without a look at the streams."""

    def receive(self, data: bytes | memoryview, received_at_us: int) -> Outcomes:
        """Take bytes as they came; how they were cut makes no difference."""
        out = Outcomes()
        self._read(self._framer.feed(data), received_at_us, out)
        return out

    def receive_whole(self, data: bytes, start: int, received_at_us: int) -> WholeBytes | None:
        """A shortcut for ``data[start:]`` that begins with whole epochs of the connection's own
        terminal, as nearly all reads do: what they give; ``receive`` is for the bytes behind them.

        None if the bytes do not, or if it takes the whole way to see what they say.
        """
        claims = self.claims
        stream = claims.current
        if (
            stream is None
            or self._framer.open_line
            or self._settings.max_line < LONGEST_PLAIN
            or not (claims.proved or claims.holds())
        ):
            return None
        whole = stream.assembler.feed_bytes(data, start, received_at_us, self._settings.max_fields)
        if whole is not None:
            stream.heard = claims.streams.ticks
            self.lines_received += whole.lines_used
            self.lines_read += whole.lines_used
            self.bad_in_row, self.heard_valid = 0, True
            self._nothing_open = len(claims.streams) == 1
        return whole

    def tick(self, silent_ticks: int) -> Outcomes:
        """A moment has passed: open epochs leave whose terminal was silent for so many ticks."""
        out = Outcomes()
        self.claims.streams.tick(silent_ticks, out)
        return out

    def end(self, received_at_us: int, *, clean: bool) -> Outcomes:
        """No more bytes will come. ``clean``: the terminal said so itself (end of stream).

        An acknowledged connection that breaks gives up its open epochs, since the terminal will
        send their lines again; otherwise what is open leaves as it is.
        """
        out = Outcomes()
        self._nothing_open = False
        if self.acknowledging and not clean:
            self._given_up_after = self.durable_candidate
            self.claims.streams.discard(out)
        else:
            whole = self.lines_received
            self._read(self._framer.finish(), received_at_us, out)
            if self.acknowledging and out.rejects and out.rejects[-1].reason != NOT_NMEA:
                # A sentence broke off: the terminal has to send all of it again.
                self._given_up_after = whole
            self.claims.streams.flush(out)
        return out

    def rejudge(self) -> Outcomes:
        """See Claims.rejudge."""
        out = Outcomes()
        self.claims.rejudge(out)
        return out

    def take_replies(self) -> bytes:
        """What to send now; empty when there is nothing."""
        taken, self.claims.replies = self.claims.replies, b""
        return taken

    def acknowledge(self, durable: int) -> bytes:
        """The reply after the outcomes of the first ``durable`` lines became durable.

        Empty outside acknowledged mode or when the number has not moved.
        """
        if not self.acknowledging or durable <= self.acknowledged:
            return b""
        self.acknowledged = durable
        return replies.acknowledged(durable)

    def progress(self) -> tuple[int, int]:
        """``lines_pending`` and ``durable_candidate``, at half the price."""
        if self._nothing_open:
            return 0, self.lines_received
        pending, first = self.claims.streams.pending()
        if self._given_up_after is not None:
            return pending, self._given_up_after
        return pending, self.lines_received if first is None else first - 1

    @property
    def durable_candidate(self) -> int:
        """How many first lines of the connection have had all their outcomes handed out.

        Lines that were given up never count, nor those behind them.
        """
        return self.progress()[1]

    @property
    def lines_pending(self) -> int:
        """Lines in open epochs: read, yet without an outcome."""
        return self.claims.streams.pending()[0]

    @property
    def closing(self) -> bool:
        """The terminal was refused or went too far: send the replies, then close."""
        return self.claims.closing

    @property
    def terminal(self) -> str | None:
        """Whom the connection speaks for, TAG blocks aside."""
        return None if self.claims.current is None else self.claims.current.terminal

    @property
    def named_itself(self) -> bool:
        """Whether ``terminal`` is the connection's own claim, and no default."""
        return self.claims.current is not None and self.claims.trust >= Trust.IDENTIFICATION

    @property
    def terminals(self) -> int:
        """How many terminals have been heard here."""
        return len(self.claims.streams)

    @property
    def quarantined(self) -> bool:
        """Lines came, and none has been matched with a terminal."""
        return self.lines_received > 0 and not self.claims.streams

    def _read(self, lines: list[bytes], received_at_us: int, out: Outcomes) -> None:
        self._nothing_open = False
        claims = self.claims
        if lines and claims.trust is Trust.NONE:
            if self._settings.default_terminal is not None:
                claims.identify(self._settings.default_terminal, Trust.DEFAULT, Outcomes())
        elif not claims.proved:
            claims.give_way(out)
        numbered = self._read_lines(lines, self.lines_received + 1)
        read = self._take(numbered, received_at_us, out)
        self.lines_received += len(lines)
        self.lines_read += read
        if out.rejects:
            hide_tokens(out.rejects)
            self._count_bad(numbered)
        elif lines:
            self.bad_in_row, self.heard_valid = 0, True

    def _take(self, numbered: list[Numbered], received_at_us: int, out: Outcomes) -> int:
        """Hand readings to whom they concern; returns how many lines they are in the ledger."""
        claims = self.claims
        ticks, stream = claims.streams.ticks, claims.current
        last, read, at = self.lines_received, 0, 0
        while at < len(numbered):
            raw, reading, ordinal = numbered[at]
            if ordinal != last:
                # A TAG block speaks for its own line only.
                stream, last = claims.current, ordinal
            if (
                stream is not None
                and stream is claims.current
                and (taken := stream.take_whole(numbered, at, received_at_us, out))
            ):
                stream.heard = ticks
                read += taken
                at += taken
                last = numbered[at - 1][2]
                continue
            at += 1
            if raw:
                read += 1
            if type(reading) in _ABOUT_THE_CONNECTION:
                stream = self._act(raw, reading, received_at_us, out)
            elif stream is not None:
                stream.heard = ticks
                stream.take(raw, reading, ordinal, received_at_us, out)
            else:
                reason = reading.reason if type(reading) is Bad else claims.refusal
                out.reject(claims.suspect, reason, raw, received_at_us, claims.streams.run)
        return read

    def _count_bad(self, numbered: list[Numbered]) -> None:
        for raw, reading, _ in numbered:
            if type(reading) is Bad:
                self.bad_in_row += 1
                if self.bad_in_row == self._settings.max_bad_lines and not self.closing:
                    self.claims.closing, self.exceeded = True, BAD_LINES
            elif raw:
                self.bad_in_row, self.heard_valid = 0, True

    def _act(self, raw: bytes, reading: Reading, at_us: int, out: Outcomes) -> Stream | None:
        """Do what the line says; returns whose the rest of the physical line is."""
        claims = self.claims
        if claims.closing:
            if raw:
                out.reject(None, claims.refusal, raw, at_us, claims.streams.run)
        elif type(reading) is Control:
            self._control(raw, reading, at_us, out)
        else:
            _count_control(raw, out)
            if type(reading) is TagBlock:
                return claims.tagged(reading.source, out)
            if type(reading) is Identification:
                claims.identify(reading.terminal, Trust.IDENTIFICATION, out)
        return claims.current

    def _control(self, raw: bytes, control: Control, at_us: int, out: Outcomes) -> None:
        if control.command == "LOGIN":
            if self.claims.login(raw, control.arguments, at_us, out):
                _count_control(raw, out)
        elif control == ("ACK", ("ON",)):
            self.acknowledging = True
            _count_control(raw, out)
        else:
            out.reject(None, UNSUPPORTED, raw, at_us, self.claims.streams.run)


def _count_control(raw: bytes, out: Outcomes) -> None:
    if raw:
        out.lines_used += 1
        out.lines_control += 1
