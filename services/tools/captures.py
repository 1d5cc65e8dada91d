"""Reading capture files: plain or gzip, ``-`` for standard input."""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from types import TracebackType
from typing import Self

CHUNK_BYTES = 65_536
GZIP_MAGIC = b"\x1f\x8b"


class CaptureError(Exception):
    """A capture can't be read; the text names the file and the reason."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"cannot read capture {name}: {reason}")
        self.name = name
        self.reason = reason


class Capture:
    """An open capture, read from the front once. A context manager."""

    def __init__(self, name: str, file: io.BufferedReader, size: int | None) -> None:
        self.name = name
        self.size = size
        """Bytes of the file as stored; None for a pipe."""
        self._file = file
        self._stored_bytes = 0

    @property
    def position(self) -> int:
        """Bytes of the file as stored that were read so far: the progress towards ``size``."""
        return self._file.tell() if self.size is not None else self._stored_bytes

    def chunks(self, size: int = CHUNK_BYTES) -> Iterator[bytes]:
        """The content, decompressed, at most ``size`` bytes at a time, as soon as it is there.

        Raises CaptureError: no longer readable, damaged or truncated gzip.
        """
        try:
            compressed = self._file.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC)
            source: io.BufferedIOBase = self._file
            if compressed:
                source = gzip.GzipFile(fileobj=self._file)
            while chunk := source.read1(size):
                self._stored_bytes += len(chunk)
                yield chunk
        except EOFError as error:
            raise CaptureError(self.name, "the gzip file is truncated") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise CaptureError(self.name, f"the gzip file is damaged ({error})") from error
        except OSError as error:
            raise CaptureError(self.name, error.strerror or str(error)) from error

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self.name != "-":
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_capture(name: str) -> Capture:
    """The capture file of this name; ``-`` is standard input. Raises CaptureError."""
    if name == "-":
        if sys.stdin is None or sys.stdin.closed:
            raise CaptureError(name, "standard input is closed")
        return Capture(name, io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False)), None)
    try:
        file = open(name, "rb")  # noqa: SIM115 - the Capture closes it
        status = os.fstat(file.fileno())
    except OSError as error:
        raise CaptureError(name, error.strerror or str(error)) from error
    except ValueError as error:
        raise CaptureError(name, str(error)) from error
    return Capture(name, file, status.st_size if stat.S_ISREG(status.st_mode) else None)
