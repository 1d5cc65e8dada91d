"""The protocol of one connection without its socket: bytes in; outcomes, replies, close out.

No clock either: silence is counted in ticks that the caller gives (see ``tick``).
"""

from __future__ import annotations

from services.ingest import replies
from services.ingest.identity import (
    Authenticate,
    Trust,
    accept_all,
    judge_claim,
    judge_login,
    reject_reason,
)
from services.ingest.settings import SessionSettings
from services.ingest.streams import Stream, Streams
from services.nmea.framing import Framer
from services.nmea.identity import Identification
from services.nmea.read import Bad, Control, Reading, read_lines
from services.nmea.reasons import LOGIN_REFUSED, NOT_NMEA, UNIDENTIFIED, UNSUPPORTED
from services.nmea.tag_block import TagBlock
from services.nmea.terminal import Outcomes

_ABOUT_THE_CONNECTION = frozenset((Control, Identification, TagBlock))


class Session:
    """Reads one connection's bytes.

    ``receive``, ``tick`` and ``end`` return what became known, to be published in that order;
    after each call ``take_replies`` and ``closing`` say what to do with the connection.
    """

    __slots__ = (
        "_authenticate",
        "_current",
        "_framer",
        "_given_up_after",
        "_refusal",
        "_replies",
        "_settings",
        "_streams",
        "_trust",
        "acknowledged",
        "acknowledging",
        "closing",
        "lines_read",
        "lines_received",
        "run",
    )

    def __init__(
        self, settings: SessionSettings, run: str, authenticate: Authenticate = accept_all
    ) -> None:
        self.run = run
        self.lines_received = 0
        """Physical lines: what acknowledgements count."""
        self.lines_read = 0
        """Lines as the ledger counts them: several where sentences stick together."""
        self.acknowledging = False
        self.acknowledged = 0
        """The newest acknowledgement."""
        self.closing = False
        """The terminal was refused: send the replies, then close."""
        self._settings = settings
        self._authenticate = authenticate
        self._framer = Framer(settings.max_line)
        self._trust = Trust.NONE
        self._current: Stream | None = None
        self._streams = Streams(run, settings.max_terminals)
        self._given_up_after: int | None = None
        self._refusal = UNIDENTIFIED
        self._replies = b""

    def receive(self, data: bytes | memoryview, received_at_us: int) -> Outcomes:
        """Take bytes as they came; how they were cut makes no difference."""
        out = Outcomes()
        self._read(self._framer.feed(data), received_at_us, out)
        return out

    def tick(self, silent_ticks: int) -> Outcomes:
        """A moment has passed: open epochs leave whose terminal was silent for so many ticks."""
        out = Outcomes()
        self._streams.tick(silent_ticks, out)
        return out

    def end(self, received_at_us: int, *, clean: bool) -> Outcomes:
        """No more bytes will come. ``clean``: the terminal said so itself (end of stream).

        An acknowledged connection that breaks gives up its open epochs, since the terminal will
        send their lines again; otherwise what is open leaves as it is.
        """
        out = Outcomes()
        if self.acknowledging and not clean:
            self._given_up_after = self.durable_candidate
            self._streams.discard(out)
        else:
            whole = self.lines_received
            self._read(self._framer.finish(), received_at_us, out)
            if self.acknowledging and out.rejects and out.rejects[-1].reason != NOT_NMEA:
                # A sentence broke off: the terminal has to send all of it again.
                self._given_up_after = whole
            self._streams.flush(out)
        return out

    def take_replies(self) -> bytes:
        """What to send now; empty when there is nothing."""
        taken, self._replies = self._replies, b""
        return taken

    def acknowledge(self, durable: int) -> bytes:
        """The reply after the outcomes of the first ``durable`` lines became durable.

        Empty outside acknowledged mode or when the number has not moved.
        """
        if not self.acknowledging or durable <= self.acknowledged:
            return b""
        self.acknowledged = durable
        return replies.acknowledged(durable)

    @property
    def durable_candidate(self) -> int:
        """How many first lines of the connection have had all their outcomes handed out.

        Lines that were given up never count, nor those behind them.
        """
        if self._given_up_after is not None:
            return self._given_up_after
        first_pending = self._streams.first_pending()
        return self.lines_received if first_pending is None else first_pending - 1

    @property
    def lines_pending(self) -> int:
        """Lines in open epochs: read, yet without an outcome."""
        return self._streams.pending_lines()

    @property
    def quarantined(self) -> bool:
        """Lines came, and none has been matched with a terminal."""
        return self.lines_received > 0 and not self._streams

    def _read(self, lines: list[bytes], received_at_us: int, out: Outcomes) -> None:
        if lines and self._trust is Trust.NONE:
            self._assume_default()
        ticks = self._streams.ticks
        last, read = self.lines_received, 0
        stream = self._current
        for raw, reading, ordinal in read_lines(
            lines,
            last + 1,
            allow_missing_checksum=self._settings.allow_missing_checksum,
            max_line=self._settings.max_line,
        ):
            if ordinal != last:
                # A TAG block speaks for its own line only.
                stream, last = self._current, ordinal
            if raw:
                read += 1
            if type(reading) in _ABOUT_THE_CONNECTION:
                stream = self._act(raw, reading, received_at_us, out)
            elif stream is not None:
                stream.heard = ticks
                stream.decoder.take(raw, reading, ordinal, received_at_us, out)
            else:
                reason = reading.reason if type(reading) is Bad else self._refusal
                out.reject(None, reason, raw, received_at_us, self.run)
        self.lines_received += len(lines)
        self.lines_read += read

    def _act(self, raw: bytes, reading: Reading, at: int, out: Outcomes) -> Stream | None:
        """Do what the line says; returns whose the rest of the physical line is."""
        if self.closing:
            if raw:
                out.reject(None, self._refusal, raw, at, self.run)
        elif type(reading) is Control:
            self._control(raw, reading, at, out)
        else:
            _count_control(raw, out)
            if type(reading) is TagBlock:
                return self._tagged(reading.source, out)
            if type(reading) is Identification:
                self._identify(reading.terminal, Trust.IDENTIFICATION, out)
        return self._current

    def _control(self, raw: bytes, control: Control, at: int, out: Outcomes) -> None:
        if control.command == "LOGIN":
            self._login(raw, control.arguments, at, out)
        elif control == ("ACK", ("ON",)):
            self.acknowledging = True
            _count_control(raw, out)
        else:
            out.reject(None, UNSUPPORTED, raw, at, self.run)

    def _login(self, raw: bytes, arguments: tuple[str, ...], at: int, out: Outcomes) -> None:
        result = judge_login(arguments, self._authenticate)
        if result.accepted:
            _count_control(raw, out)
            self._become(arguments[0], Trust.LOGIN, out)
            self._replies += replies.accepted()
            return
        # The dead letter must not carry a token that was nearly right.
        shown = raw.split(b",", 3)[:3]
        out.reject(None, LOGIN_REFUSED, b",".join(shown), at, self.run)
        self._streams.flush(out)
        self._current, self._refusal, self.closing = None, LOGIN_REFUSED, True
        self._replies += replies.refused(result.reason)

    def _assume_default(self) -> None:
        if self._settings.default_terminal is not None:
            self._identify(self._settings.default_terminal, Trust.DEFAULT, Outcomes())

    def _identify(self, terminal: str, trust: Trust, out: Outcomes) -> None:
        """Believe a claim that is no login, unless a better one holds."""
        if trust < self._trust or (trust is self._trust and self._speaks_for(terminal)):
            return
        result = judge_claim(terminal, self._authenticate)
        if result.accepted:
            self._become(terminal, trust, out)
            return
        self._streams.flush(out)
        self._current, self._trust, self._refusal = None, trust, reject_reason(result)

    def _speaks_for(self, terminal: str) -> bool:
        return self._current is not None and self._current.decoder.terminal == terminal

    def _become(self, terminal: str, trust: Trust, out: Outcomes) -> None:
        if not self._speaks_for(terminal):
            self._streams.flush(out)
        self._current, self._trust = self._streams.open(terminal, self._current, out), trust

    def _tagged(self, source: str | None, out: Outcomes) -> Stream | None:
        """Whose a line with this TAG source is."""
        if source is None or self._trust > Trust.TAG:
            return self._current
        stream = self._streams.get(source)
        if stream is None and judge_claim(source, self._authenticate).accepted:
            stream = self._streams.open(source, self._current, out)
        return stream


def _count_control(raw: bytes, out: Outcomes) -> None:
    if raw:
        out.lines_used += 1
        out.lines_control += 1
