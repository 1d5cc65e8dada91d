"""One connection to ingest: login, acknowledgements, and its loss, told at once."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit

from services.tools.sentence import checksum_holds, sentence

DEFAULT_PORTS = {"tcp": 10110, "tls": 10111}
ANSWER_TIMEOUT_S = 10.0
REPLY_LIMIT = 4096

REFUSALS = {
    "refused": "the terminal is not on the server's list, or its token is wrong",
    "throttled": "too many logins from this address have failed: wait a minute",
    "replaced": "the terminal has logged in on a newer connection",
}
"""What the server's words mean."""
NO_WELCOME = (
    "the server closed the connection before it said a word: if it wants a certificate of the "
    "terminal, --cert names the file"
)


class LinkRefusedError(Exception):
    """The server said no; the text is for people. Trying again would not help."""


class LinkLostError(Exception):
    """There is no connection, or no longer; the text says why."""


class Target:
    """Where to connect: ``tcp://HOST:PORT`` or ``tls://HOST:PORT``. Raises ValueError for anything
    else."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(f"{address!r} is no address such as tcp://localhost:10110")
        self.host = parts.hostname
        self.encrypted = parts.scheme == "tls"
        try:
            self.port = DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
        except ValueError as error:
            raise ValueError(f"{address!r} has no port between 1 and 65535") from error

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Link:
    """An open connection, logged in. ``lost`` is set as soon as the server has closed it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        acknowledged: Callable[[int], None],
    ) -> None:
        self.lost = asyncio.Event()
        self.news = asyncio.Event()
        """Set at each acknowledgement and at the end; whoever waits for it clears it."""
        self.control_lines = 0
        """Lines of ours that the server counts but that are not of the capture."""
        self._reader = reader
        self._writer = writer
        self._encrypted = writer.get_extra_info("ssl_object") is not None
        self._acknowledged = acknowledged
        self._greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._failure: Exception = LinkLostError("the server closed the connection")
        self._ended = False
        """The server closed in order: it had read all that was sent until then."""
        self._reading = asyncio.create_task(self._read_replies())

    @classmethod
    async def open(
        cls,
        target: Target,
        terminal: str | None,
        token: str | None,
        acknowledged: Callable[[int], None] | None,
        security: ssl.SSLContext | None = None,
    ) -> Self:
        """Connect, log in if there is a terminal, and ask for acknowledgements if there is someone
        to tell: ``acknowledged(n)``, the first n lines after the login are durable. ``security``
        is for targets with TLS.

        Raises LinkLostError, LinkRefusedError.
        """
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(
                    target.host, target.port, limit=REPLY_LIMIT, ssl=security
                )
        except TimeoutError as error:
            hint = " (is it a port with TLS?)" if security else ""
            raise LinkLostError(f"{target} does not answer{hint}") from error
        except ssl.SSLError as error:
            raise _no_tls(error) from error
        except OSError as error:
            hint = ""
            if security is not None and isinstance(error, ConnectionResetError):
                hint = " (is it a port with TLS?)"
            raise LinkLostError(f"can't connect to {target}: {_reason(error)}{hint}") from error
        link = cls(reader, writer, acknowledged or (lambda _: None))
        try:
            await link._greet(terminal, token, acknowledged is not None)
        except BaseException:
            await link.close()
            raise
        return link

    async def send(self, data: bytes) -> None:
        """Returns when the connection takes more. Raises LinkLostError, LinkRefusedError."""
        if self.lost.is_set():
            raise self._failure
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            # The reply that says why may still be on its way.
            await self._settle()
            raise self._failure from error

    async def wait_news(self, timeout_s: float | None) -> None:
        """Until an acknowledgement comes. Raises TimeoutError, LinkLostError, LinkRefusedError."""
        if not self.lost.is_set():
            async with asyncio.timeout(timeout_s):
                await self.news.wait()
            self.news.clear()
        if self.lost.is_set():
            raise self._failure

    def half_close(self) -> None:
        """Nothing more will be sent; the server may still answer."""
        # TLS knows no half-closed connection: there the server waits for silence.
        if self._writer.can_write_eof() and not self.lost.is_set():
            self._writer.write_eof()

    async def wait_closed_by_server(self) -> None:
        """Until the server has read everything and closed, or has had the time for it.

        Raises LinkLostError if the connection broke instead, LinkRefusedError.
        """
        if self._encrypted and not self.lost.is_set():
            # All that was sent goes out before the farewell.
            self._writer.close()
        await self._settle()
        if self.lost.is_set() and not self._ended:
            raise self._failure

    async def close(self) -> None:
        """Drop the connection."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._writer.transport.abort()

    async def _greet(self, terminal: str | None, token: str | None, acknowledge: bool) -> None:
        if terminal is not None:
            fields = [b"PDPR", b"LOGIN", terminal.encode(), (token or "").encode()]
            await self.send(sentence(b",".join(fields)))
            self.control_lines += 1
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    await self._greeted
            except TimeoutError as error:
                raise LinkLostError("the server does not answer the login") from error
        if acknowledge:
            self.control_lines += 1
            await self.send(sentence(b"PDPR,ACK,ON"))

    async def _settle(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self.lost.wait()
        except TimeoutError:
            return

    async def _read_replies(self) -> None:
        try:
            while line := await self._reader.readline():
                self._take(line.strip())
            self._ended = True
            if self._encrypted and not self._greeted.done():
                self._failure = LinkLostError(NO_WELCOME)
        except ssl.SSLError as error:
            self._failure = _no_tls(error)
        except OSError as error:
            self._failure = LinkLostError(f"the connection broke: {_reason(error)}")
        except (LinkRefusedError, LinkLostError) as error:
            self._failure = error
        except ValueError as error:
            self._failure = LinkRefusedError(f"the server sent what is no reply: {error}")
        finally:
            self.lost.set()
            self.news.set()
            if not self._greeted.done():
                self._greeted.set_exception(self._failure)
                self._greeted.exception()

    def _take(self, line: bytes) -> None:
        command, *arguments = _reply(line)
        if command == "OK" and not self._greeted.done():
            self._greeted.set_result(None)
        elif command == "NO":
            raise LinkRefusedError(_refusal(arguments))
        elif command == "ACK" and arguments and arguments[0].isdecimal():
            lines = int(arguments[0]) - self.control_lines
            if lines > 0:
                self._acknowledged(lines)
            self.news.set()


def _reply(line: bytes) -> list[str]:
    """The fields after ``$PDPR``; an empty command for anything else that a server may say."""
    if not line.startswith(b"$PDPR,") or not checksum_holds(line):
        return [""]
    return line[1:].partition(b"*")[0].decode("ascii", "replace").split(",")[1:]


def _refusal(arguments: list[str]) -> str:
    reason = ", ".join(filter(None, arguments)) or "no reason given"
    meaning = REFUSALS.get(reason)
    return f"the server refused: {reason}" + (f" ({meaning})" if meaning else "")


def _no_tls(error: ssl.SSLError) -> LinkRefusedError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return LinkRefusedError(
            f"the server's certificate is not believed: {error.verify_message}; --ca names the "
            "file of its authority"
        )
    said = (error.reason or str(error)).lower().replace("_", " ")
    return LinkRefusedError(f"no TLS with the server: {said}")


def _reason(error: OSError) -> str:
    # For a name with several addresses asyncio joins the errors into one text without a number.
    number = error.errno or next(iter(re.findall(r"\[Errno (\d+)\]", str(error))), None)
    if number is None or isinstance(error, socket.gaierror):
        return error.strerror or str(error) or type(error).__name__
    return os.strerror(int(number))
