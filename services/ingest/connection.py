"""The socket's side of a connection: reads into the shared buffer, pauses, replies, closes."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from services.ingest.intake import Intake
from services.nmea.terminal import Outcomes

KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
)
"""A peer that vanished is noticed after two minutes."""


class Connection(asyncio.BufferedProtocol):
    """One terminal's connection. Its life: made, bytes, then ``_finish`` once, then lost."""

    __slots__ = (
        "_counted_pending",
        "_counted_read",
        "_finished",
        "_intake",
        "_owed",
        "_paused",
        "_quarantined",
        "_session",
        "_ticks_to_skip",
        "_transport",
        "_unpublished",
        "_waiting_bytes",
        "_write_blocked",
    )

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._session = intake.new_session()
        self._transport: asyncio.Transport | None = None
        self._counted_read = 0
        self._counted_pending = 0
        self._unpublished = 0
        """Deliveries that are not durable yet."""
        self._waiting_bytes = 0
        self._paused = False
        self._ticks_to_skip = 0
        self._finished = False
        self._quarantined = False
        self._write_blocked = False
        self._owed = 0
        """Durable lines that could not be acknowledged while the peer read nothing."""

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet nobody: NMEA terminals expect silence. Close at once if there are too many."""
        # uvloop's transports do not inherit from asyncio's.
        transport = cast(asyncio.Transport, transport)
        self._transport = transport
        if not self._intake.join(self):
            self._finished = True
            transport.abort()
            return
        peer: socket.socket | None = transport.get_extra_info("socket")
        if peer is not None:
            for option in KEEPALIVE:
                peer.setsockopt(*option)
        if self._intake.holding:
            self._pause()

    def get_buffer(self, _hint: int) -> memoryview:
        """The buffer that all connections share; see Intake."""
        return self._intake.buffer

    def buffer_updated(self, size: int) -> None:
        """Read what came, at once, before another connection gets the buffer."""
        if self._finished:
            return
        intake = self._intake
        self._deliver(self._session.receive(intake.buffer[:size], intake.clock_us()))
        if self._session.closing:
            self._finish()

    def eof_received(self) -> bool:
        """The terminal has sent all: what is open leaves, and is acknowledged, then close."""
        self.finish(clean=True)
        return not self._is_done()

    def connection_lost(self, error: Exception | None) -> None:
        """Broken, or closed by us."""
        self.finish(clean=False)
        self._transport = None
        self._intake.leave(self)
        if self._quarantined:
            self._quarantined = False
            self._intake.metrics.quarantined_connections.dec()

    def pause_writing(self) -> None:
        """The peer does not read its replies."""
        self._write_blocked = True

    def resume_writing(self) -> None:
        """The peer reads again; only the newest acknowledgement matters."""
        self._write_blocked = False
        self._acknowledge(self._owed)

    # What the server and the publisher call.

    def finish(self, *, clean: bool) -> None:
        """No more bytes are read; what is open leaves or is given up (see Session.end)."""
        if self._finished:
            return
        self._deliver(self._session.end(self._intake.clock_us(), clean=clean))
        self._finish()

    def tick(self, silent_ticks: int) -> None:
        """See Session.tick. While we do not read, silence is ours and not the terminal's."""
        if self._finished or self._paused or not self._session.lines_pending:
            return
        if self._ticks_to_skip:
            self._ticks_to_skip -= 1
            return
        self._deliver(self._session.tick(silent_ticks))

    def published(self, deliveries: int, durable: int, size: int) -> None:
        """See delivery.Receipt."""
        self._unpublished -= deliveries
        self._waiting_bytes -= size
        self._acknowledge(durable)
        if self._is_done():
            self.close()
        elif not self._intake.holding:
            self.release()

    def hold(self) -> None:
        """See intake.Member."""
        self._pause()

    def release(self) -> None:
        """See intake.Member."""
        if self._waiting_bytes <= self._intake.settings.connection_in_flight_bytes // 2:
            self._resume()

    def close(self) -> None:
        """Close once the replies are sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()

    # Inside.

    def _deliver(self, out: Outcomes) -> None:
        """Outcomes to the log, replies to the terminal, bounds kept.

        Lines that have no outcome yet are counted with the next that have one.
        """
        session = self._session
        if out.lines_used or out.rejects:
            read, pending = session.lines_read, session.lines_pending
            size = self._intake.put(
                self,
                session.durable_candidate,
                out,
                read - self._counted_read,
                pending - self._counted_pending,
            )
            self._counted_read, self._counted_pending = read, pending
            self._unpublished += 1
            self._waiting_bytes += size
            if self._waiting_bytes > self._intake.settings.connection_in_flight_bytes:
                self._pause()
        if session.quarantined is not self._quarantined:
            self._quarantined = not self._quarantined
            self._intake.metrics.quarantined_connections.inc(1 if self._quarantined else -1)
        if self._transport is not None and (reply := session.take_replies()):
            if self._write_blocked:
                # It logs in again and again and never reads an answer: no terminal does that.
                self.abort()
            else:
                self._transport.write(reply)

    def _finish(self) -> None:
        self._finished = True
        self._pause()
        if self._is_done():
            self.close()

    def _is_done(self) -> bool:
        return self._finished and not self._unpublished

    def _acknowledge(self, durable: int) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._write_blocked:
            self._owed = durable
            return
        before = self._session.acknowledged
        if reply := self._session.acknowledge(durable):
            transport.write(reply)
            self._intake.metrics.acknowledged_lines.inc(self._session.acknowledged - before)

    def _pause(self) -> None:
        if self._paused or self._transport is None or self._transport.is_closing():
            return
        self._paused = True
        self._transport.pause_reading()
        if not self._finished:
            self._intake.metrics.reading_pauses.inc()

    def _resume(self) -> None:
        if not self._paused or self._finished or self._transport is None:
            return
        self._paused = False
        # What waited in the socket comes with the next turn of the loop, perhaps after a tick.
        self._ticks_to_skip = 2
        self._transport.resume_reading()
