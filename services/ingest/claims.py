"""Whom a connection speaks for: what it says of itself, judged, and the streams that this opens."""

from __future__ import annotations

from services.ingest import replies
from services.ingest.identity import AUTHENTICATED, NOT_A_NAME, REFUSED, REPLACED, Trust, Verdict
from services.ingest.streams import Stream, Streams
from services.ingest.visitor import Visitor
from services.nmea.reasons import BANNED, LOGIN_REFUSED, UNIDENTIFIED, UNKNOWN_TERMINAL
from services.nmea.terminal import Outcomes


class Claims:
    """The claims of one connection, the best of which holds. ``out`` takes what leaves because
    of one: open epochs, refused lines."""

    __slots__ = (
        "_claimed",
        "closing",
        "current",
        "proved",
        "refusal",
        "replies",
        "streams",
        "suspect",
        "trust",
        "visitor",
    )

    def __init__(self, visitor: Visitor, streams: Streams) -> None:
        self.visitor = visitor
        """Who judges them; set before the first byte."""
        self.trust = Trust.NONE
        """Of the newest claim that counts, be it accepted or refused."""
        self.proved = False
        """A token or a certificate has proved who the connection speaks for."""
        self.current: Stream | None = None
        """Whom it speaks for, TAG blocks aside."""
        self.refusal = UNIDENTIFIED
        """Why the lines are rejected while there is no current stream."""
        self.suspect: str | None = None
        """The name that an unknown terminal gives itself; its dead letters carry it."""
        self.replies = b""
        """What the terminal is to be told."""
        self.closing = False
        """The terminal was turned away: send the replies, then close."""
        self._claimed: str | None = None
        self.streams = streams
        """Of all its terminals."""

    def certify(self, name: str) -> None:
        """The peer has shown a certificate with this common name, before the first byte.

        One that is no terminal's name says nothing: a gateway may have a certificate, too.
        """
        verdict = self.visitor.claim(name, Trust.CERTIFICATE)
        if verdict is not NOT_A_NAME:
            self._settle(name, Trust.CERTIFICATE, verdict, Outcomes())

    def identify(self, terminal: str, trust: Trust, out: Outcomes) -> None:
        """Believe a claim that is no login, unless a better one holds."""
        if trust < self.trust or (trust is self.trust and terminal == self._claimed):
            return
        verdict = self.visitor.claim(terminal, trust)
        self._settle(terminal, trust, verdict, out)

    def login(self, raw: bytes, arguments: tuple[str, ...], at_us: int, out: Outcomes) -> bool:
        """Judge `$PDPR,LOGIN`, which came as the line ``raw``, and answer it; whether it holds."""
        certified = self.trust is Trust.CERTIFICATE
        if not certified:
            verdict = self.visitor.login(arguments, at_us)
        elif arguments[:1] == (self._claimed,) and self.current is not None:
            # The certificate says so already, and says more than a token.
            verdict = AUTHENTICATED
        else:
            verdict = REFUSED
        if verdict.accepted:
            if not certified:
                self._settle(arguments[0], Trust.LOGIN, verdict, out)
            self.replies += replies.accepted()
            return True
        if verdict.reject not in (UNKNOWN_TERMINAL, BANNED):
            verdict = verdict._replace(reject=LOGIN_REFUSED)
        self.suspect = _suspect(verdict, arguments[0] if arguments else "")
        out.reject(self.suspect, verdict.reject, raw, at_us, self.streams.run)
        self.turn_away(verdict, out)
        self.replies += replies.refused(verdict.reply)
        return False

    def tagged(self, source: str | None, out: Outcomes) -> Stream | None:
        """Whose a line with this TAG source is."""
        if source is None or self.trust > Trust.TAG:
            return self.current
        stream = self.streams.get(source)
        if stream is None and self.visitor.claim(source, Trust.TAG).accepted:
            return self.streams.open(source, self.current, out)
        return None if self.visitor.outranked(source) else stream

    def holds(self) -> bool:
        """False if another connection has proved meanwhile that it is the terminal."""
        return self.current is None or not self.visitor.outranked(self.current.terminal)

    def give_way(self, out: Outcomes) -> None:
        """Turn the terminal away if another connection has proved to be it."""
        if not self.holds():
            self.turn_away(REPLACED, out)

    def displace(self) -> None:
        """The terminal has proved on another connection who it is: say so, before the end."""
        if not self.closing:
            self.replies += replies.refused(REPLACED.reply)

    def rejudge(self, out: Outcomes) -> None:
        """The list of terminals has changed: who is no longer welcome is to be closed, and whose
        claim was refused may be accepted now."""
        if self.closing:
            return
        if self.current is None and self._claimed is not None:
            claimed, trust = self._claimed, self.trust
            self._claimed, self.trust = None, Trust.NONE
            self.identify(claimed, trust, out)
        elif not self._still_welcome():
            self.replies += replies.refused(REFUSED.reply)
            self.turn_away(REFUSED, out)

    def turn_away(self, verdict: Verdict, out: Outcomes) -> None:
        """Nothing more from this connection."""
        self.streams.flush(out)
        self.current, self.refusal, self.closing = None, verdict.reject, True

    def _settle(self, terminal: str, trust: Trust, verdict: Verdict, out: Outcomes) -> None:
        """What follows from the answer to a claim."""
        self.trust, self._claimed = trust, terminal
        self.suspect = _suspect(verdict, terminal)
        self.proved = verdict.authenticated
        if verdict.accepted:
            if self.current is None or self.current.terminal != terminal:
                self.streams.flush(out)
            self.current = self.streams.open(terminal, self.current, out)
        elif verdict.close:
            self.turn_away(verdict, out)
        else:
            self.streams.flush(out)
            self.current, self.refusal = None, verdict.reject

    def _still_welcome(self) -> bool:
        holds, current = self.visitor.still_holds, self.current
        if current is not None and not holds(current.terminal, self.trust):
            return False
        # Above the trust of a TAG block other terminals of old have no say any more.
        return self.trust > Trust.TAG or all(
            holds(terminal, Trust.TAG) for terminal in self.streams.terminals()
        )


def _suspect(verdict: Verdict, terminal: str) -> str | None:
    return terminal if verdict.reject == UNKNOWN_TERMINAL else None
