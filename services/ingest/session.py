"""The protocol of one connection without its socket: bytes in; outcomes, replies, close out.

No clock either: silence is counted in ticks that the caller gives (see ``tick``).
"""

from __future__ import annotations

from services.ingest import replies
from services.ingest.door import Stranger, Visitor
from services.ingest.hiding import hide_tokens
from services.ingest.identity import AUTHENTICATED, NOT_A_NAME, REFUSED, REPLACED, Trust, Verdict
from services.ingest.limits import BAD_LINES
from services.ingest.settings import SessionSettings
from services.ingest.streams import Stream, Streams
from services.nmea.framing import Framer
from services.nmea.identity import Identification
from services.nmea.read import Bad, Control, Numbered, Reading, read_lines
from services.nmea.reasons import (
    BANNED,
    LOGIN_REFUSED,
    NOT_NMEA,
    UNIDENTIFIED,
    UNKNOWN_TERMINAL,
    UNSUPPORTED,
)
from services.nmea.tag_block import TagBlock
from services.nmea.terminal import Outcomes

_ABOUT_THE_CONNECTION = frozenset((Control, Identification, TagBlock))


class Session:
    """Reads one connection's bytes.

    ``receive``, ``tick`` and ``end`` return what became known, to be published in that order;
    after each call ``take_replies`` and ``closing`` say what to do with the connection.
    """

    __slots__ = (
        "_authenticated",
        "_claimed",
        "_current",
        "_framer",
        "_given_up_after",
        "_refusal",
        "_replies",
        "_settings",
        "_streams",
        "_suspect",
        "_trust",
        "acknowledged",
        "acknowledging",
        "bad_in_row",
        "closing",
        "exceeded",
        "heard_valid",
        "lines_read",
        "lines_received",
        "run",
        "visitor",
    )

    def __init__(self, settings: SessionSettings, run: str, visitor: Visitor | None = None) -> None:
        self.run = run
        self.visitor: Visitor = visitor or Stranger()
        """Who judges claims; set before the first byte."""
        self.lines_received = 0
        """Physical lines: what acknowledgements count."""
        self.lines_read = 0
        """Lines as the ledger counts them: several where sentences stick together."""
        self.acknowledging = False
        self.acknowledged = 0
        """The newest acknowledgement."""
        self.closing = False
        """The terminal was refused or went too far: send the replies, then close."""
        self.exceeded: str | None = None
        """The limit because of which it is closing."""
        self.bad_in_row = 0
        """Bad lines since the last good one."""
        self.heard_valid = False
        """Whether any line could be read, whoever it is from."""
        self._settings = settings
        self._framer = Framer(settings.max_line)
        self._trust = Trust.NONE
        self._authenticated = False
        """A token or a certificate has proved who the connection speaks for."""
        self._claimed: str | None = None
        """The newest claim that counts; refused if there is no current stream."""
        self._current: Stream | None = None
        self._streams = Streams(run, settings.max_terminals)
        self._given_up_after: int | None = None
        self._refusal = UNIDENTIFIED
        self._suspect: str | None = None
        """The name that an unknown terminal gives itself; its dead letters carry it."""
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

    def certify(self, name: str) -> None:
        """The peer has shown a certificate with this common name, before the first byte.

        One that is no terminal's name says nothing: a gateway may have a certificate, too.
        """
        verdict = self.visitor.claim(name, Trust.CERTIFICATE)
        if verdict is not NOT_A_NAME:
            self._settle(name, Trust.CERTIFICATE, verdict, Outcomes())

    def displace(self) -> None:
        """The terminal has proved on another connection who it is: say so, before the end."""
        if not self.closing:
            self._replies += replies.refused(REPLACED.reply)

    def rejudge(self) -> Outcomes:
        """The list of terminals has changed: who is no longer welcome is to be closed, and whose
        claim was refused may be accepted now."""
        out = Outcomes()
        if self.closing:
            return out
        if self._current is None and self._claimed is not None:
            claimed, trust = self._claimed, self._trust
            self._claimed, self._trust = None, Trust.NONE
            self._identify(claimed, trust, out)
        elif not self._still_welcome():
            self._replies += replies.refused(REFUSED.reply)
            self._turn_away(REFUSED, out)
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
    def terminal(self) -> str | None:
        """Whom the connection speaks for, TAG blocks aside."""
        return None if self._current is None else self._current.decoder.terminal

    @property
    def named_itself(self) -> bool:
        """Whether ``terminal`` is the connection's own claim, and no default."""
        return self._current is not None and self._trust >= Trust.IDENTIFICATION

    @property
    def proved(self) -> bool:
        """Whether a token or a certificate has proved who ``terminal`` is."""
        return self._authenticated

    @property
    def terminals(self) -> int:
        """How many terminals have been heard here."""
        return len(self._streams)

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
        elif not self._authenticated and self._current is not None:
            self._give_way(self._current.decoder.terminal, out)
        numbered = read_lines(
            lines,
            self.lines_received + 1,
            allow_missing_checksum=self._settings.allow_missing_checksum,
            max_line=self._settings.max_line,
            max_fields=self._settings.max_fields,
        )
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
        ticks = self._streams.ticks
        stream = self._current
        last, read, at = self.lines_received, 0, 0
        while at < len(numbered):
            raw, reading, ordinal = numbered[at]
            if ordinal != last:
                # A TAG block speaks for its own line only.
                stream, last = self._current, ordinal
            if (
                stream is not None
                and stream is self._current
                and (taken := stream.decoder.take_whole(numbered, at, received_at_us, out))
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
                stream.decoder.take(raw, reading, ordinal, received_at_us, out)
            else:
                reason = reading.reason if type(reading) is Bad else self._refusal
                out.reject(self._suspect, reason, raw, received_at_us, self.run)
        return read

    def _count_bad(self, numbered: list[Numbered]) -> None:
        for raw, reading, _ in numbered:
            if type(reading) is Bad:
                self.bad_in_row += 1
                if self.bad_in_row == self._settings.max_bad_lines and not self.closing:
                    self.closing, self.exceeded = True, BAD_LINES
            elif raw:
                self.bad_in_row, self.heard_valid = 0, True

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
        if self._trust is Trust.CERTIFICATE and arguments[:1] == (self._claimed,):
            # The certificate says so already, and says more than a token.
            verdict = AUTHENTICATED if self._current is not None else REFUSED
        elif self._trust is Trust.CERTIFICATE:
            verdict = REFUSED
        else:
            verdict = self.visitor.login(arguments, at)
        if verdict.accepted:
            _count_control(raw, out)
            if self._trust is not Trust.CERTIFICATE:
                self._settle(arguments[0], Trust.LOGIN, verdict, out)
            self._replies += replies.accepted()
            return
        if verdict.reject not in (UNKNOWN_TERMINAL, BANNED):
            verdict = verdict._replace(reject=LOGIN_REFUSED)
        self._suspect = _suspect(verdict, arguments[0] if arguments else "")
        out.reject(self._suspect, verdict.reject, raw, at, self.run)
        self._turn_away(verdict, out)
        self._replies += replies.refused(verdict.reply)

    def _assume_default(self) -> None:
        if self._settings.default_terminal is not None:
            self._identify(self._settings.default_terminal, Trust.DEFAULT, Outcomes())

    def _identify(self, terminal: str, trust: Trust, out: Outcomes) -> None:
        """Believe a claim that is no login, unless a better one holds."""
        if trust < self._trust or (trust is self._trust and terminal == self._claimed):
            return
        verdict = self.visitor.claim(terminal, trust)
        self._settle(terminal, trust, verdict, out)

    def _settle(self, terminal: str, trust: Trust, verdict: Verdict, out: Outcomes) -> None:
        """What follows from the answer to a claim."""
        self._trust, self._claimed = trust, terminal
        self._suspect = _suspect(verdict, terminal)
        self._authenticated = verdict.authenticated
        if verdict.accepted:
            if not self._speaks_for(terminal):
                self._streams.flush(out)
            self._current = self._streams.open(terminal, self._current, out)
        elif verdict.close:
            self._turn_away(verdict, out)
        else:
            self._streams.flush(out)
            self._current, self._refusal = None, verdict.reject

    def _turn_away(self, verdict: Verdict, out: Outcomes) -> None:
        """Nothing more from this connection."""
        self._streams.flush(out)
        self._current, self._refusal, self.closing = None, verdict.reject, True

    def _give_way(self, terminal: str, out: Outcomes) -> None:
        """Another connection may have proved meanwhile that it is the terminal."""
        if self.visitor.outranked(terminal):
            self._turn_away(REPLACED, out)

    def _still_welcome(self) -> bool:
        holds, current = self.visitor.still_holds, self._current
        if current is not None and not holds(current.decoder.terminal, self._trust):
            return False
        # Above the trust of a TAG block other terminals of old have no say any more.
        return self._trust > Trust.TAG or all(
            holds(terminal, Trust.TAG) for terminal in self._streams.terminals()
        )

    def _speaks_for(self, terminal: str) -> bool:
        return self._current is not None and self._current.decoder.terminal == terminal

    def _tagged(self, source: str | None, out: Outcomes) -> Stream | None:
        """Whose a line with this TAG source is."""
        if source is None or self._trust > Trust.TAG:
            return self._current
        stream = self._streams.get(source)
        if stream is None and self.visitor.claim(source, Trust.TAG).accepted:
            return self._streams.open(source, self._current, out)
        return None if self.visitor.outranked(source) else stream


def _suspect(verdict: Verdict, terminal: str) -> str | None:
    return terminal if verdict.reject == UNKNOWN_TERMINAL else None


def _count_control(raw: bytes, out: Outcomes) -> None:
    if raw:
        out.lines_used += 1
        out.lines_control += 1
