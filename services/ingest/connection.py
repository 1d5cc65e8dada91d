"""The socket's side of a connection: reads into the shared buffer, pauses, replies, closes."""

from __future__ import annotations

import asyncio
from typing import cast

from services.ingest.intake import Intake
from services.ingest.limits import TERMINAL_RATE, UNREAD_END
from services.ingest.outflow import Outflow
from services.nmea.stream import next_cut
from services.runtime.tls import common_name

LINE_ENDS = b"\r\n"


class Connection(Outflow, asyncio.BufferedProtocol):
    """One terminal's connection. Its life: made, bytes, then ``_finish`` once, then lost."""

    __slots__ = ("_anonymous", "_quarantined")

    def __init__(self, intake: Intake, *, admitted: bool = False) -> None:
        super().__init__(intake)
        self._anonymous = admitted
        """It counts as one that has not said who it is."""
        self._quarantined = False

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet nobody: NMEA terminals expect silence. Close at once if there are too many."""
        # uvloop's transports do not inherit from asyncio's.
        transport = cast(asyncio.Transport, transport)
        intake, wire = self._intake, self._wire
        wire.open(transport)
        if not self._anonymous and not intake.admit(wire.address):
            self._finished = True
            wire.abort()
            return
        self._anonymous = True
        intake.join(self)
        self._pace.forgive(intake.now_s)
        self._plan()
        transport.set_write_buffer_limits(intake.settings.limits.connection_buffer_bytes)
        self._session.claims.visitor = intake.door.visitor(self, wire.address)
        if (name := common_name(transport)) is not None:
            self._session.claims.certify(name)
            if self._session.closing:
                self._finish()
        if intake.holding:
            self._pause()
            # uvloop begins to read when this method has returned, whatever was said in it.
            intake.call_soon(wire.stay_paused)

    def get_buffer(self, _hint: int) -> memoryview:
        """The buffer that all connections share; see Intake."""
        return self._intake.buffer

    def buffer_updated(self, size: int) -> None:
        """Read what came, at once, before another connection gets the buffer."""
        if self._finished:
            return
        intake, session = self._intake, self._session
        data = intake.buffer[:size].tobytes()
        before, at_us = session.lines_read, intake.clock_us()
        start = refused = 0
        while start < size:
            if whole := session.receive_whole(data, start, at_us):
                self._deliver(whole)
                start, refused = whole.end, 0
            else:
                end = next_cut(data, start, refused)
                self._deliver(session.receive(data[start:end], at_us))
                start, refused = end, refused + 1
        if self._anonymous:
            self._look_for_a_name()
        lines = session.lines_read - before
        # The last byte says whether a line is open; so the framer sees it, too.
        if self._pace.heard(intake.now_s, lines, ended=data[-1] in LINE_ENDS):
            self._keep_pace()
        if session.claims.closing:
            self._turn_away()

    def eof_received(self) -> bool:
        """The terminal has sent all: what is open leaves, and is acknowledged, then close."""
        self.finish(clean=True)
        # TLS has no half-closed connections: the loop closes it, whatever is said here.
        return not self._is_done() and not self._wire.is_encrypted

    def connection_lost(self, error: Exception | None) -> None:
        """Broken, or closed by us."""
        self.finish(clean=False)
        self._session.claims.visitor.leave()
        self._wire.lost()
        self._intake.leave(self)
        self._settle()
        if self._quarantined:
            self._quarantined = False
            self._intake.metrics.quarantined_connections.dec()

    def pause_writing(self) -> None:
        """The peer does not read its replies."""
        self._wire.blocked = True

    def resume_writing(self) -> None:
        """The peer reads again; only the newest acknowledgement matters."""
        self._wire.blocked = False
        self._acknowledge(self._owed)
        self._intake.count_acknowledged()

    # What the door, the server and the publisher call.

    def displace(self) -> None:
        """See door.Guest. What is open leaves or is given up before the newer one's data come."""
        self._session.claims.displace()
        self.finish(clean=False)

    def rejudge(self) -> None:
        """See Claims.rejudge."""
        if self._finished:
            return
        self._deliver(self._session.rejudge())
        if self._anonymous:
            self._look_for_a_name()
        if self._session.closing:
            self._finish()

    def watch(self, now_s: float) -> None:
        """``due_s`` has come: see whether the connection has run into a limit of time."""
        if self._finished:
            if self._is_done():
                self._exceeded(UNREAD_END, now_s)
                self.abort()
            self.due_s = now_s + self._intake.settings.limits.line_s
            return
        pace = self._pace
        if pace.slowed and now_s >= pace.ready_at_s():
            pace.slowed = False
            if not self._intake.holding:
                self.release()
        if self._wire.paused:
            # What the terminal can't do while it is not read is not held against it.
            pace.forgive(now_s)
        elif (limit := pace.overdue(now_s, heard_valid=self._session.heard_valid)) is not None:
            self._exceeded(limit, now_s)
            self.finish(clean=False)
            return
        self._plan()

    # Inside.

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
            self._intake.addresses.settle(self._wire.address)

    def _turn_away(self) -> None:
        """The session has done with the terminal: refused, or too many bad lines."""
        session = self._session
        if session.exceeded is None or self._finished:
            self._finish()
            return
        self._exceeded(session.exceeded)
        if session.terminal is not None and session.named_itself:
            self._intake.ban(session.terminal, self._wire.address, proved=session.claims.proved)
        self.finish(clean=False)

    def _keep_pace(self) -> None:
        """A line has begun, or too many came: then read no more until that is made up for."""
        pace, now_s = self._pace, self._intake.now_s
        if pace.is_too_fast(now_s, self._session.terminals):
            self._exceeded(TERMINAL_RATE, now_s, again=pace.slowed_before)
            pace.slowed = pace.slowed_before = True
            self._wire.pause()
            self._intake.ticking.add(self)
        self._plan()

    def _plan(self) -> None:
        self.due_s = self._pace.due_s(heard_valid=self._session.heard_valid)
