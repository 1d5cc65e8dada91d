"""The socket's side of a connection: reads into the shared buffer, pauses, replies, closes."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from services.ingest.intake import Intake
from services.ingest.limits import (
    CONNECTION_IN_FLIGHT,
    FIRST_LINE,
    IDLE,
    LINE_TIME,
    TERMINAL_RATE,
    UNREAD_END,
    UNREAD_REPLIES,
)
from services.nmea.terminal import Outcomes
from services.runtime.tls import common_name

NEVER_S = float("inf")
LINE_ENDS = b"\r\n"


class Connection(asyncio.BufferedProtocol):
    """One terminal's connection. Its life: made, bytes, then ``_finish`` once, then lost."""

    __slots__ = (
        "_address",
        "_anonymous",
        "_began_s",
        "_counted_pending",
        "_counted_read",
        "_encrypted",
        "_finished",
        "_full_at_s",
        "_heard_s",
        "_intake",
        "_line_began_s",
        "_line_cost_s",
        "_owed",
        "_paused",
        "_quarantined",
        "_session",
        "_slowed",
        "_slowed_before",
        "_ticks_to_skip",
        "_transport",
        "_unpublished",
        "_waiting_bytes",
        "_write_blocked",
        "due_s",
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
        self._encrypted = False
        self._quarantined = False
        self._write_blocked = False
        self._owed = 0
        """Durable lines that could not be acknowledged while the peer read nothing."""
        self._address = ""
        self._anonymous = False
        """It is open and counts as one that has not said who it is."""
        self._began_s = self._heard_s = intake.now_s
        self._line_began_s: float | None = None
        """Since when a line has been open."""
        self._full_at_s = 0.0
        """The state of its bucket of lines (see limits.Bucket)."""
        self._line_cost_s = intake.line_cost_s
        self._slowed = self._slowed_before = False
        """It has sent too many lines, and is not read until that is made up for."""
        self.due_s = NEVER_S
        """When ``watch`` is to be called next."""

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet nobody: NMEA terminals expect silence. Close at once if there are too many."""
        # uvloop's transports do not inherit from asyncio's.
        transport = cast(asyncio.Transport, transport)
        self._transport = transport
        self._encrypted = transport.get_extra_info("ssl_object") is not None
        self._address = _address(transport)
        if not self._intake.join(self, self._address):
            self._finished = True
            transport.abort()
            return
        self._anonymous = True
        self._began_s = self._heard_s = self._intake.now_s
        self._plan()
        transport.set_write_buffer_limits(self._intake.settings.limits.connection_buffer_bytes)
        peer: socket.socket | None = transport.get_extra_info("socket")
        if peer is not None:
            for option in self._intake.socket_options:
                peer.setsockopt(*option)
        self._session.visitor = self._intake.door.visitor(self, self._address)
        if (name := common_name(transport)) is not None:
            self._session.certify(name)
            if self._session.closing:
                self._finish()
        if self._intake.holding:
            self._pause()
            # uvloop begins to read when this method has returned, whatever was said in it.
            self._intake.call_soon(self._stay_paused)

    def get_buffer(self, _hint: int) -> memoryview:
        """The buffer that all connections share; see Intake."""
        return self._intake.buffer

    def buffer_updated(self, size: int) -> None:
        """Read what came, at once, before another connection gets the buffer."""
        if self._finished:
            return
        intake, session = self._intake, self._session
        now_s = self._heard_s = intake.now_s
        before = session.lines_read
        self._deliver(session.receive(intake.buffer[:size], intake.clock_us()))
        lines = session.lines_read - before
        if lines:
            full_at_s = max(self._full_at_s, now_s) + lines * self._line_cost_s
            self._full_at_s = full_at_s
            if full_at_s > now_s + intake.burst_s:
                self._slow_down(now_s)
        # So the framer sees it, and asking it takes longer.
        if intake.buffer[size - 1] not in LINE_ENDS:
            if lines or self._line_began_s is None:
                self._line_began_s = now_s
                self._plan()
        else:
            self._line_began_s = None
        if session.closing:
            self._turn_away()

    def eof_received(self) -> bool:
        """The terminal has sent all: what is open leaves, and is acknowledged, then close."""
        self.finish(clean=True)
        # TLS has no half-closed connections: the loop closes it, whatever is said here.
        return not self._is_done() and not self._encrypted

    def connection_lost(self, error: Exception | None) -> None:
        """Broken, or closed by us."""
        self.finish(clean=False)
        self._session.visitor.leave()
        self._transport = None
        self._intake.leave(self)
        self._settle()
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

    # What the door, the server and the publisher call.

    def displace(self) -> None:
        """See door.Guest. What is open leaves or is given up before the newer one's data come."""
        self._session.displace()
        self.finish(clean=False)

    def rejudge(self) -> None:
        """See Session.rejudge."""
        if self._finished:
            return
        self._deliver(self._session.rejudge())
        if self._session.closing:
            self._finish()

    def finish(self, *, clean: bool) -> None:
        """No more bytes are read; what is open leaves or is given up (see Session.end)."""
        if self._finished:
            return
        self._deliver(self._session.end(self._intake.clock_us(), clean=clean))
        self._finish()

    def tick(self, silent_ticks: int) -> None:
        """See Session.tick. While we do not read, silence is ours and not the terminal's; but a
        connection that is gone must not wait to be read: its terminal has come back by then, and
        sends all of it again, many times over in a long outage of the log."""
        if self._paused and not self._finished and _is_reset(self._transport):
            self.abort()
            return
        if self._finished or self._paused or not self._session.lines_pending:
            return
        if self._ticks_to_skip:
            self._ticks_to_skip -= 1
            return
        self._deliver(self._session.tick(silent_ticks))

    def watch(self, now_s: float) -> None:
        """``due_s`` has come: see whether the connection has run into a limit of time."""
        if self._finished:
            if self._is_done():
                self._intake.notices.exceeded(
                    UNREAD_END, now_s, self._address, self._session.terminal
                )
                self.abort()
            self.due_s = now_s + self._intake.settings.limits.line_s
            return
        if self._slowed and now_s >= self._ready_at_s():
            self._slowed = False
            if not self._intake.holding:
                self.release()
        if self._paused:
            # What the terminal can't do while it is not read is not held against it.
            self._forgive(now_s)
        elif (limit := self._overdue(now_s)) is not None:
            self._intake.notices.exceeded(limit, now_s, self._address, self._session.terminal)
            self.finish(clean=False)
            return
        self._plan()

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
        if (
            not self._slowed
            and self._waiting_bytes <= self._intake.settings.connection_in_flight_bytes // 2
        ):
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
                if not self._paused:
                    self._exceeded(CONNECTION_IN_FLIGHT)
                self._pause()
        if self._anonymous:
            self._look_for_a_name()
        if self._transport is not None and (reply := session.take_replies()):
            if self._write_blocked:
                # It logs in again and again and never reads an answer: no terminal does that.
                self._exceeded(UNREAD_REPLIES)
                self.abort()
            else:
                self._transport.write(reply)

    def _look_for_a_name(self) -> None:
        """Once it has one, it stays identified."""
        quarantined = self._session.quarantined
        if quarantined is not self._quarantined:
            self._quarantined = quarantined
            self._intake.metrics.quarantined_connections.inc(1 if quarantined else -1)
        if self._session.terminals:
            self._settle()

    def _settle(self) -> None:
        if self._anonymous:
            self._anonymous = False
            self._intake.addresses.settle(self._address)

    def _turn_away(self) -> None:
        """The session has done with the terminal: refused, or too many bad lines."""
        session = self._session
        if session.exceeded is None or self._finished:
            self._finish()
            return
        self._exceeded(session.exceeded)
        if session.terminal is not None and session.named_itself:
            self._intake.ban(session.terminal, self._address, proved=session.proved)
        self.finish(clean=False)

    def _slow_down(self, now_s: float) -> None:
        """Too many lines came: read no more until the bucket holds what they took."""
        terminals = max(1, self._session.terminals)
        cost_s = self._intake.line_cost_s / terminals
        if cost_s < self._line_cost_s:
            # A gateway may send as much for each of its terminals.
            self._full_at_s = now_s + (self._full_at_s - now_s) * cost_s / self._line_cost_s
            self._line_cost_s = cost_s
            if self._full_at_s <= now_s + self._intake.burst_s:
                return
        self._slowed = True
        self._intake.notices.exceeded(
            TERMINAL_RATE,
            now_s,
            self._address,
            self._session.terminal,
            again=self._slowed_before,
        )
        self._slowed_before = True
        self._pause(for_the_log=False)
        self._plan()

    def _ready_at_s(self) -> float:
        return self._full_at_s - self._intake.burst_s

    def _exceeded(self, limit: str) -> None:
        self._intake.notices.exceeded(
            limit, self._intake.now_s, self._address, self._session.terminal
        )

    def _overdue(self, now_s: float) -> str | None:
        """The limit of time that is exceeded."""
        limits = self._intake.settings.limits
        if self._line_began_s is not None and now_s >= self._line_began_s + limits.line_s:
            return LINE_TIME
        if not self._session.heard_valid and now_s >= self._began_s + limits.first_line_s:
            return FIRST_LINE
        return IDLE if now_s >= self._heard_s + limits.idle_s else None

    def _plan(self) -> None:
        """Set ``due_s`` to the earliest moment at which a limit of time can be exceeded."""
        limits = self._intake.settings.limits
        due_s = self._heard_s + limits.idle_s
        if self._line_began_s is not None:
            due_s = min(due_s, self._line_began_s + limits.line_s)
        if not self._session.heard_valid:
            due_s = min(due_s, self._began_s + limits.first_line_s)
        if self._slowed:
            due_s = min(due_s, self._ready_at_s())
        self.due_s = due_s

    def _forgive(self, now_s: float) -> None:
        """Time in which we did not read does not count."""
        self._began_s = self._heard_s = now_s
        if self._line_began_s is not None:
            self._line_began_s = now_s

    def _finish(self) -> None:
        self._finished = True
        self.due_s = self._intake.now_s + self._intake.settings.limits.line_s
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

    def _pause(self, *, for_the_log: bool = True) -> None:
        if self._paused or self._transport is None or self._transport.is_closing():
            return
        self._paused = True
        self._transport.pause_reading()
        if for_the_log and not self._finished:
            self._intake.metrics.reading_pauses.inc()

    def _stay_paused(self) -> None:
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def _resume(self) -> None:
        if not self._paused or self._finished or self._transport is None:
            return
        self._paused = False
        self._forgive(self._intake.now_s)
        # What waited in the socket comes with the next turn of the loop, perhaps after a tick.
        self._ticks_to_skip = 2
        self._transport.resume_reading()


def _address(transport: asyncio.Transport) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) and peer else "?"


def _is_reset(transport: asyncio.Transport | None) -> bool:
    """Whether the peer has broken the connection; a transport that does not read never hears."""
    peer = None if transport is None else transport.get_extra_info("socket")
    return peer is not None and bool(peer.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
