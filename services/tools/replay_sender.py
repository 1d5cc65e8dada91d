"""One replay: the captures on one side, a connection that may break on the other."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.runtime.secrets import read_secret
from services.runtime.tls import TlsError, client_context
from services.tools.replay_capture import read_capture, shown
from services.tools.replay_link import ANSWER_TIMEOUT_S, Link, LinkLostError, Target
from services.tools.replay_pacing import LineJoiner, Pacer, bursts
from services.tools.replay_progress import Status
from services.tools.replay_window import LineCounter, Window

MAX_UNACKNOWLEDGED_LINES = 65_536
MAX_UNACKNOWLEDGED_BYTES = 16 << 20
MAX_OPEN_LINE_BYTES = 1 << 20
FIRST_RETRY_S = 0.1
LONGEST_RETRY_S = 2.0

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


class ReplayError(Exception):
    """The replay failed; the text is one sentence for people."""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What to send where, and how."""

    files: tuple[str, ...]
    """Paths, ``-`` for standard input; gzip is recognised."""
    to: str
    """``tcp://HOST:PORT`` or ``tls://HOST:PORT``."""
    terminal: str | None = None
    """Log in as this terminal; None for captures that identify themselves."""
    token: str | None = None
    token_file: str | None = None
    """File that holds the token, instead of ``token``."""
    ca: str | None = None
    """With TLS: PEM file of the authority to believe instead of the system's."""
    cert: str | None = None
    """With TLS: PEM file of the terminal's certificate."""
    key: str | None = None
    """PEM file of its private key; None if ``cert`` holds it, too."""
    speed: float | None = 1.0
    """Capture seconds a second; None for as fast as the server takes it."""
    loop: bool = False
    """Begin again after the last file, until interrupted."""
    ack: bool = False
    """Ask for acknowledgements, resend after a broken connection, end when all is durable."""
    retry_for: float = 30.0
    """With ``ack``: how many seconds a lost server is waited for."""


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What was sent."""

    bytes: int
    lines: int
    """Physical lines of the captures, each counted once however often it was resent."""
    acknowledged: int | None
    """Lines that the server has acknowledged; None without ``ack``."""
    reconnects: int
    seconds: float


def _security(options: ReplayOptions, target: Target) -> ssl.SSLContext | None:
    """Raises ValueError."""
    if target.encrypted:
        try:
            return client_context(options.ca, options.cert, options.key)
        except TlsError as error:
            raise ValueError(str(error)) from error
    if options.ca or options.cert or options.key:
        raise ValueError("--ca, --cert and --key are for tls://HOST:PORT")
    return None


def _token(options: ReplayOptions) -> str | None:
    """Raises ValueError."""
    if options.token_file is None:
        return options.token
    if options.token:
        raise ValueError("--token and --token-file are given: one of them is enough")
    return read_secret(options.token_file)


class Sender:
    """Reads, paces, sends, and renews the connection when it must."""

    def __init__(self, options: ReplayOptions, status: Status, clock: Clock, sleep: Sleep) -> None:
        self.status = status
        self._options = options
        self._clock = clock
        self._sleep = sleep
        self._target = Target(options.to)
        self._security = _security(options, self._target)
        self._token = _token(options)
        self._window = Window() if options.ack else None
        self._counter = LineCounter()
        self._link: Link | None = None
        self._trouble_since: float | None = None
        """Since when no connection has brought an acknowledgement."""
        self._retry_wait = FIRST_RETRY_S
        self._base = 0
        """Lines that were acknowledged before this connection began."""
        self._began = 0.0

    async def run(self) -> ReplayResult:
        """Send everything; returns when the server has it.

        Raises ReplayError, CaptureError, LinkLostError, LinkRefusedError.
        """
        options, pacer = self._options, self._pacer()
        self._began = self._clock()
        while True:
            for name in options.files:
                self.status.file = shown(name)
                await self._send_capture(name, pacer)
            if not options.loop:
                break
            if not self._counter.complete:
                raise ReplayError("the captures are empty: nothing to repeat")
        await self._finish()
        window = self._window
        return ReplayResult(
            bytes=self.status.sent_bytes,
            lines=self._counter.complete,
            acknowledged=window.acknowledged_lines if window else None,
            reconnects=self.status.reconnects,
            seconds=self._clock() - self._began,
        )

    async def connect(self) -> None:
        """The first connection: a server that is not there is not waited for."""
        self._link = await self._open()

    async def close(self) -> None:
        """Drop the connection, if there is one."""
        if self._link:
            await self._link.close()

    def _pacer(self) -> Pacer | None:
        if self._options.speed is None:
            return None
        return Pacer(
            self._options.speed,
            lambda gap_s: self.status.say(
                f"a gap of {gap_s:.0f} s in the capture is taken as 60 s"
            ),
        )

    async def _send_capture(self, name: str, pacer: Pacer | None) -> None:
        joiner = LineJoiner()
        if pacer:
            pacer.restart()
        async for piece in read_capture(name, self.status.count_read):
            if pacer:
                await self._send_paced(joiner.feed(piece), pacer)
            else:
                await self._send(piece)
        if pacer:
            await self._send_paced(joiner.finish(), pacer)
        if self._counter.open:
            await self._send(b"\r\n")

    async def _send_paced(self, data: bytes, pacer: Pacer) -> None:
        for burst in bursts(data):
            if burst.time_of_day_us is not None:
                due = self._began + pacer.due_s(burst.time_of_day_us)
                await self._pause(due - self._clock())
            await self._send(burst.data)

    async def _pause(self, seconds: float) -> None:
        """Wait; a connection that breaks meanwhile ends the wait, the next send tells of it."""
        if seconds <= 0 or self._link is None:
            return
        waits = [
            asyncio.ensure_future(self._sleep(seconds)),
            asyncio.ensure_future(self._link.lost.wait()),
        ]
        _, unfinished = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in unfinished:
            wait.cancel()

    async def _send(self, data: bytes) -> None:
        self._counter.feed(data)
        self.status.sent_bytes += len(data)
        self.status.lines = self._counter.complete
        link = self._connected()
        if self._window is None:
            await self._send_unacknowledged(link, data)
            return
        self._window.add(data)
        if self._window.open_line_bytes > MAX_OPEN_LINE_BYTES:
            raise ReplayError(f"{self.status.file} is no NMEA capture: a line is longer than 1 MiB")
        try:
            await link.send(data)
        except LinkLostError as error:
            await self._reconnect(error)
        await self._await_acknowledgement(MAX_UNACKNOWLEDGED_LINES, MAX_UNACKNOWLEDGED_BYTES)

    async def _send_unacknowledged(self, link: Link, data: bytes) -> None:
        try:
            await link.send(data)
        except LinkLostError as error:
            raise ReplayError(
                f"{error} after {self.status.lines:,} lines were sent; how many of them are safe "
                "is not known without --ack"
            ) from error

    async def _await_acknowledgement(self, lines: int, size: int) -> None:
        """Until no more than that is unacknowledged. Raises ReplayError if none comes any more."""
        window = self._window
        assert window is not None
        limit = max(self._options.retry_for, ANSWER_TIMEOUT_S)
        while window.unacknowledged_lines > lines or (
            window.retained_bytes > size and window.unacknowledged_lines
        ):
            try:
                await self._connected().wait_news(limit)
            except TimeoutError as error:
                raise ReplayError(
                    f"the server has acknowledged nothing for {limit:.0f} s; {self._durable()}"
                ) from error
            except LinkLostError as error:
                if window.unacknowledged_lines:
                    await self._reconnect(error)

    async def _finish(self) -> None:
        self._connected().half_close()
        self.status.ending = True
        if self._window is None:
            await self._connected().wait_closed_by_server()
        else:
            await self._await_acknowledgement(0, MAX_UNACKNOWLEDGED_BYTES)

    async def _reconnect(self, loss: LinkLostError) -> None:
        """A new connection on which everything unacknowledged has been sent again."""
        if self._trouble_since is None:
            self._trouble_since = self._clock()
            self.status.say(f"{loss}; trying again for {self._options.retry_for:.0f} s")
        while True:
            await self.close()
            if self._clock() - self._trouble_since >= self._options.retry_for:
                raise ReplayError(
                    f"{loss}, gave up after {self._options.retry_for:.0f} s; {self._durable()}"
                ) from loss
            await self._sleep(self._retry_wait)
            self._retry_wait = min(self._retry_wait * 2, LONGEST_RETRY_S)
            try:
                self._link = await self._open()
                await self._resend(self._link)
            except LinkLostError as error:
                loss = error
            else:
                self.status.reconnects += 1
                return

    async def _resend(self, link: Link) -> None:
        assert self._window is not None
        for piece in self._window.rest():
            await link.send(piece)
        if self.status.ending:
            link.half_close()

    async def _open(self) -> Link:
        options = self._options
        acknowledged = self._acknowledged if self._window else None
        self._base = self._window.acknowledged_lines if self._window else 0
        return await Link.open(
            self._target, options.terminal, self._token, acknowledged, self._security
        )

    def _acknowledged(self, lines: int) -> None:
        assert self._window is not None
        self._window.acknowledge(self._base + lines)
        self.status.acknowledged = self._window.acknowledged_lines
        self._trouble_since = None
        self._retry_wait = FIRST_RETRY_S

    def _connected(self) -> Link:
        assert self._link is not None
        return self._link

    def _durable(self) -> str:
        assert self._window is not None
        return (
            f"{self._window.acknowledged_lines:,} of the {self._window.sent_lines:,} lines "
            "that were sent are known to be durable"
        )
