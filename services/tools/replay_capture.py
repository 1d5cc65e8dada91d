"""Capture files for replay: read in order and unpacked."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterator

from services.tools.captures import GZIP_MAGIC, CaptureError

CHUNK = 256 * 1024
"""Bytes of one read and, about, of one piece to send."""
STANDARD_INPUT = "-"

_GZIP = 16 + zlib.MAX_WBITS


class Unpacker:
    """Bytes of a file to bytes of a capture: gzip (one member or several) is unpacked.

    Whether it is gzip is told by the first two bytes, not by the name.
    """

    def __init__(self) -> None:
        self._start: bytes | None = b""
        self._inflate: zlib._Decompress | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Pieces of at most ``CHUNK`` bytes. Raises zlib.error for a broken archive."""
        if self._start is not None:
            self._start += data
            if len(self._start) < len(GZIP_MAGIC):
                return
            data, self._start = self._start, None
            if data.startswith(GZIP_MAGIC):
                self._inflate = zlib.decompressobj(_GZIP)
        if self._inflate is None:
            yield data
            return
        while data:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(_GZIP)
            piece = self._inflate.decompress(data, CHUNK)
            data = self._inflate.unconsumed_tail or self._inflate.unused_data
            if piece:
                yield piece

    def finish(self) -> bytes:
        """What was held back. Raises zlib.error if the archive ends too early."""
        if self._inflate is not None and not self._inflate.eof:
            raise zlib.error("the gzip archive ends too early")
        return self._start or b""


async def read_capture(name: str, read: Callable[[int], None]) -> AsyncIterator[bytes]:
    """The capture's bytes, unchanged, in pieces of at most ``CHUNK`` bytes.

    ``read`` is told how many bytes of the file each read took. Raises CaptureError.
    """
    unpacker = Unpacker()
    try:
        descriptor = 0 if name == STANDARD_INPUT else os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            while data := await _read(descriptor):
                read(len(data))
                for piece in unpacker.feed(data):
                    yield piece
            if rest := unpacker.finish():
                yield rest
        finally:
            if descriptor:
                os.close(descriptor)
    except OSError as error:
        raise CaptureError(name, error.strerror or str(error)) from error
    except zlib.error as error:
        raise CaptureError(name, str(error)) from error


def shown(name: str) -> str:
    """The file's name for people."""
    return "standard input" if name == STANDARD_INPUT else name


def total_size(names: tuple[str, ...]) -> int | None:
    """Bytes of all files together; None if one has no size beforehand (standard input).

    Raises CaptureError if one is not there, so that this shows before anything is sent.
    """
    total: int | None = 0
    for name in names:
        size = _size(name)
        total = None if size is None or total is None else total + size
    return total


def _size(name: str) -> int | None:
    if name == STANDARD_INPUT:
        if sys.stdin is None or sys.stdin.closed:
            raise CaptureError(name, "standard input is closed")
        return None
    try:
        status = os.stat(name)
        if stat.S_ISDIR(status.st_mode):
            raise CaptureError(name, "it is a directory")
        if not stat.S_ISREG(status.st_mode):
            return None
        os.close(os.open(name, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        raise CaptureError(name, error.strerror or str(error)) from error
    return status.st_size


async def _read(descriptor: int) -> bytes:
    """One read; a pipe or terminal is awaited, so that an interrupt is never held up by it."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor):
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(descriptor, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(descriptor)
    return os.read(descriptor, CHUNK)
