"""The log's side of a connection: what it read on its way there, and what follows from that."""

from __future__ import annotations

from services.ingest.intake import Intake
from services.ingest.limits import CONNECTION_IN_FLIGHT, UNREAD_REPLIES
from services.ingest.pace import Pace
from services.ingest.wire import Wire
from services.nmea.epoch import WholeBytes
from services.nmea.terminal import Outcomes

NEVER_S = float("inf")
ACKNOWLEDGED_TOGETHER = 64
"""While more of a terminal's lines are on their way to the log, fewer than these wait to be
acknowledged with them: one that sends fast gets an answer a round or two, not one an epoch."""


class Outflow:
    """Outcomes to the log, acknowledgements and replies to the terminal, which is not read while
    too much waits. It ends with ``finish``; when all is durable, the connection is closed."""

    __slots__ = (
        "_counted_pending",
        "_counted_read",
        "_finished",
        "_intake",
        "_owed",
        "_pace",
        "_session",
        "_ticks_to_skip",
        "_unpublished",
        "_waiting_bytes",
        "_wire",
        "due_s",
    )

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._session = intake.new_session()
        self._pace = Pace(intake.pace_limits, intake.now_s)
        self._wire = Wire()
        self._counted_read = 0
        self._counted_pending = 0
        self._unpublished = 0
        """Deliveries that are not durable yet."""
        self._waiting_bytes = 0
        self._ticks_to_skip = 0
        self._finished = False
        self._owed = 0
        """Durable lines that could not be acknowledged while the peer read nothing."""
        self.due_s = NEVER_S
        """See intake.Member."""

    def finish(self, *, clean: bool) -> None:
        """No more bytes are read; what is open leaves or is given up (see Session.end)."""
        if self._finished:
            return
        self._deliver(self._session.end(self._intake.clock_us(), clean=clean))
        self._finish()

    def tick(self, silent_ticks: int) -> bool:
        """See intake.Member. While we do not read, silence is ours and not the terminal's; but a
        connection that is gone must not wait to be read: its terminal has come back by then, and
        sends all of it again, many times over in a long outage of the log."""
        if self._finished:
            return False
        if self._wire.paused:
            if self._wire.is_reset:
                self.abort()
            return True
        if not self._session.lines_pending:
            return False
        if self._ticks_to_skip:
            self._ticks_to_skip -= 1
        else:
            self._deliver(self._session.tick(silent_ticks))
        return True

    def published(self, deliveries: int, durable: int, size: int) -> None:
        """See rounds.Receipt."""
        self._unpublished -= deliveries
        self._waiting_bytes -= size
        session = self._session
        if session.acknowledging and (
            not self._unpublished or durable - session.acknowledged >= ACKNOWLEDGED_TOGETHER
        ):
            self._acknowledge(durable)
        if self._finished:
            if self._is_done():
                self.close()
        elif self._wire.paused and not self._intake.holding:
            self.release()

    def hold(self) -> None:
        """See intake.Member."""
        self._pause()

    def release(self) -> None:
        """See intake.Member."""
        half = self._intake.settings.connection_in_flight_bytes // 2
        if self._finished or self._pace.slowed or self._waiting_bytes > half:
            return
        if self._wire.resume():
            self._pace.forgive(self._intake.now_s)
            # What waited in the socket comes with the next turn of the loop, perhaps after a tick.
            self._ticks_to_skip = 2

    def close(self) -> None:
        """Close once the replies are sent."""
        self._wire.close()

    def abort(self) -> None:
        """Close now."""
        self._wire.abort()

    # Inside.

    def _deliver(self, out: Outcomes | WholeBytes) -> None:
        """Outcomes to the log, replies to the terminal, bounds kept.

        Lines that have no outcome yet are counted with the next that have one.
        """
        session = self._session
        if out.lines_used or (type(out) is Outcomes and out.rejects):
            read = session.lines_read
            pending, durable = session.progress()
            self._waiting_bytes += self._intake.put(
                self, durable, out, read - self._counted_read, pending - self._counted_pending
            )
            self._counted_read, self._counted_pending = read, pending
            self._unpublished += 1
            if pending:
                self._intake.ticking.add(self)
            if self._waiting_bytes > self._intake.settings.connection_in_flight_bytes:
                if not self._wire.paused:
                    self._exceeded(CONNECTION_IN_FLIGHT)
                self._pause()
        elif session.lines_read > self._counted_read:
            self._intake.ticking.add(self)
        if session.claims.replies:
            self._reply(session.take_replies())

    def _reply(self, reply: bytes) -> None:
        if self._wire.blocked:
            # It logs in again and again and never reads an answer: no terminal does that.
            self._exceeded(UNREAD_REPLIES)
            self.abort()
        else:
            self._wire.write(reply)

    def _finish(self) -> None:
        self._finished = True
        self.due_s = self._intake.now_s + self._intake.settings.limits.line_s
        self._wire.pause()
        if self._is_done():
            self.close()

    def _is_done(self) -> bool:
        return self._finished and not self._unpublished

    def _acknowledge(self, durable: int) -> None:
        wire, session = self._wire, self._session
        if not wire.is_open:
            return
        if wire.blocked:
            self._owed = durable
            return
        before = session.acknowledged
        if reply := session.acknowledge(durable):
            wire.write(reply)
            self._intake.acknowledged_lines += durable - before

    def _pause(self) -> None:
        """Read no more for the log's sake."""
        self._intake.ticking.add(self)
        if self._wire.pause() and not self._finished:
            self._intake.metrics.reading_pauses.inc()

    def _exceeded(self, limit: str, now_s: float | None = None, *, again: bool = False) -> None:
        self._intake.notices.exceeded(
            limit,
            self._intake.now_s if now_s is None else now_s,
            self._wire.address,
            self._session.terminal,
            again=again,
        )
