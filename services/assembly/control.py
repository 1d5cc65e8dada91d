"""A running ``dipper up``, asked from another process of the same user to read or change the
compacted topics that hold definitions: its log is open in one process only.

A Unix socket in the data directory, for its owner alone. One JSON object a line each way:
``{"read": topic}`` gives ``{"records": {key: value}}``, ``{"append": topic, "entries": [[key,
value or null], …]}`` gives ``{}``; whatever goes wrong gives ``{"error": text}``.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import orjson

from services.log.base import TERMINAL, Entry, Log, LogError, LogUnavailableError

SOCKET_FILE = "control.sock"
TOPICS = (TERMINAL,)
LONGEST_REQUEST = 64 << 20
TIMEOUT_S = 30.0


class ControlledLog:
    """The topics of definitions of a running ``dipper up``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read_compacted(self, topic: str) -> Mapping[bytes, bytes]:
        """See Log. Raises LogError, LogUnavailableError."""
        answer = await self._ask({"read": topic})
        return {_bytes(key): _bytes(value) for key, value in answer["records"].items()}

    async def append(self, topic: str, entries: Sequence[Entry]) -> None:
        """See Log. Raises LogError, LogUnavailableError."""
        pairs = [
            (_text(key or b""), None if value is None else _text(value)) for key, value in entries
        ]
        await self._ask({"append": topic, "entries": pairs})

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                self._writer.write(orjson.dumps(request) + b"\n")
                await self._writer.drain()
                line = await self._reader.readline()
        except (OSError, ValueError) as error:
            raise LogUnavailableError(f"`dipper up` does not answer: {error}") from error
        if not line:
            raise LogUnavailableError("`dipper up` has ended meanwhile")
        answer: dict[str, Any] = orjson.loads(line)
        if "error" in answer:
            raise LogError(str(answer["error"]))
        return answer


@asynccontextmanager
async def controlled(data_dir: Path) -> AsyncIterator[ControlledLog | None]:
    """The log of the ``dipper up`` that runs on this directory; None if none answers."""
    try:
        with _reachable(data_dir) as path:
            reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_REQUEST)
    except OSError:
        yield None
        return
    try:
        yield ControlledLog(reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def control(data_dir: Path, log: Log) -> AsyncIterator[None]:
    """Answer such requests while the block runs."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(orjson.dumps(await _answer(log, line)) + b"\n")
                await writer.drain()
        except (OSError, ValueError):
            pass  # Whoever asked has gone, or says no end of a line: only it is concerned.
        finally:
            writer.close()

    (data_dir / SOCKET_FILE).unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        with _reachable(data_dir) as path:
            server = await asyncio.start_unix_server(serve, path, limit=LONGEST_REQUEST)
    finally:
        os.umask(before)
    try:
        yield
    finally:
        server.close()
        (data_dir / SOCKET_FILE).unlink(missing_ok=True)


async def _answer(log: Log, line: bytes) -> dict[str, Any]:
    try:
        request = orjson.loads(line)
        topic = request.get("read") or request.get("append")
        if topic not in TOPICS:
            return {"error": f"{topic!r} is none of the topics that can be asked for"}
        if "read" in request:
            records = await log.read_compacted(topic)
            return {"records": {_text(key): _text(value) for key, value in records.items()}}
        entries = [
            Entry(_bytes(key), None if value is None else _bytes(value))
            for key, value in request["entries"]
        ]
        await log.append(topic, entries)
    except LogError as error:
        return {"error": str(error)}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return {"error": f"no request: {error!r}"}
    return {}


@contextmanager
def _reachable(data_dir: Path) -> Iterator[str]:
    """A path to the socket that is short enough for the system, however long the directory's is."""
    descriptor = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_FILE}"
    finally:
        os.close(descriptor)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _bytes(value: str) -> bytes:
    return base64.b64decode(value, validate=True)
