"""A connection's transport: reading paused and resumed, what is written, the end."""

from __future__ import annotations

import asyncio
import socket


class Wire:
    """The transport from ``open`` to ``lost``; before and after, nothing happens."""

    __slots__ = ("_transport", "address", "blocked", "paused")

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self.address = ""
        """The peer's, without its port; "?" if it has none."""
        self.paused = False
        """It is not read."""
        self.blocked = False
        """The peer does not read what was written."""

    def open(self, transport: asyncio.Transport) -> None:
        """It is there."""
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) and peer else "?"
        self._transport = transport

    def lost(self) -> None:
        """It is gone."""
        self._transport = None

    @property
    def is_open(self) -> bool:
        """Whether it is there, and nobody has closed it."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_encrypted(self) -> bool:
        """Whether it speaks TLS."""
        return self._transport is not None and (
            self._transport.get_extra_info("ssl_object") is not None
        )

    @property
    def is_reset(self) -> bool:
        """Whether the peer has broken it; a transport that does not read never hears of that."""
        peer = None if self._transport is None else self._transport.get_extra_info("socket")
        return peer is not None and bool(peer.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def pause(self) -> bool:
        """Read no more; whether it was read until now."""
        if self.paused or self._transport is None or self._transport.is_closing():
            return False
        self.paused = True
        self._transport.pause_reading()
        return True

    def stay_paused(self) -> None:
        """Say it again to a loop that has begun to read all the same."""
        if self.paused and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> bool:
        """Read again; whether it was not read until now."""
        if not self.paused or self._transport is None:
            return False
        self.paused = False
        self._transport.resume_reading()
        return True

    def write(self, data: bytes) -> None:
        """Send this as soon as the peer takes it."""
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Close once all is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()
