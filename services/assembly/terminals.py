"""``dipper terminals``: on Kafka if the settings name one, else on the log of ``dipper up``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from services.assembly.control import controlled
from services.assembly.needs import kafka_log
from services.assembly.parts import topic_specs
from services.assembly.up import EMBEDDED_PARTITIONS, LOG_FILE
from services.codec import CodecError
from services.log.base import LogError
from services.log.sqlite import SqliteLog
from services.runtime import audit, logs
from services.runtime.audit import AuditFileError, Detail
from services.runtime.process import tell
from services.runtime.settings import Settings, SettingsError, load_settings
from services.terminals.files import TerminalFileError
from services.tools import terminals as tool
from services.tools.terminals import Definitions

EXIT_FAILED = 1


class _NotDoneError(Exception):
    """The command can't do what was asked; the text says why."""


def load(files: Sequence[str], data_dir: Path, *, replace: bool) -> int:
    """Put the terminals of these files on the list. The exit code."""

    async def publish(log: Definitions) -> dict[str, Detail]:
        changes = await tool.publish_terminals(log, listed, replace=replace)
        print(tool.told(changes, replace=replace), file=sys.stderr)
        return tool.counts(changes)

    try:
        listed = tool.read_terminal_files(files)
    except TerminalFileError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return EXIT_FAILED
    if warning := tool.short_tokens(listed):
        tell([warning])
    return _change("terminals load", data_dir, publish, create=True)


def remove(names: Sequence[str], data_dir: Path) -> int:
    """Take terminals off the list. The exit code."""

    async def publish(log: Definitions) -> dict[str, Detail]:
        if missing := await tool.remove_terminals(log, names):
            raise _NotDoneError(
                f"not on the list, so nothing was changed: {', '.join(map(repr, missing))}; "
                "`dipper terminals list` shows it"
            )
        print(f"terminals: {len(set(names))} removed", file=sys.stderr)
        return {"removed": len(set(names)), "names": " ".join(dict.fromkeys(names))}

    return _change("terminals remove", data_dir, publish)


def show(data_dir: Path) -> int:
    """Show the list. The exit code."""

    async def read(_: Settings, log: Definitions) -> None:
        tool.show_list(await tool.read_list(log))

    return _on_definitions(data_dir, read, create=False)


def _change(
    action: str,
    data_dir: Path,
    work: Callable[[Definitions], Awaitable[dict[str, Detail]]],
    *,
    create: bool = False,
) -> int:
    async def run(settings: Settings, log: Definitions) -> None:
        try:
            details = await work(log)
        except (LogError, CodecError, _NotDoneError) as error:
            audit.record_change(action, "failed", settings.audit_log, reason=str(error))
            raise
        audit.record_change(action, "done", settings.audit_log, **details)

    return _on_definitions(data_dir, run, create=create)


def _on_definitions(
    data_dir: Path, work: Callable[[Settings, Definitions], Awaitable[None]], *, create: bool
) -> int:
    async def run() -> None:
        settings = load_settings()
        async with _definitions(settings, data_dir, create=create) as log:
            await work(settings, log)

    logs.configure("warning")
    try:
        asyncio.run(run())
    except SettingsError as error:
        tell(error.problems)
        return EXIT_FAILED
    except (LogError, CodecError, AuditFileError, _NotDoneError) as error:
        tell([str(error)])
        return EXIT_FAILED
    return 0


@asynccontextmanager
async def _definitions(
    settings: Settings, data_dir: Path, *, create: bool
) -> AsyncIterator[Definitions]:
    if settings.kafka_servers:
        async with kafka_log(settings) as log:
            yield log
        return
    async with controlled(data_dir) as running:
        if running is not None:
            yield running
            return
    if not create and not (data_dir / LOG_FILE).exists():
        raise _NotDoneError(
            f"there is no log in {data_dir}: give --data-dir as for `dipper up`, or "
            "DIPPER_KAFKA_SERVERS"
        )
    async with SqliteLog(data_dir / LOG_FILE) as embedded:
        await embedded.create_topics(topic_specs(EMBEDDED_PARTITIONS))
        yield embedded
