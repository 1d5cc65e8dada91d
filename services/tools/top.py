"""``dipper top``: what running services do, in the terminal, from their /metrics."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.live import Live

from services.runtime.figures import sections
from services.runtime.history import History
from services.runtime.process import EXIT_FAILED, tell
from services.runtime.settings import SettingsError, load_settings
from services.tools.top_screen import SPARK_WIDTH, frame
from services.tools.top_source import Source, look_at, metrics_address

LOOK_EVERY_S = 1.0
EXIT_USAGE = 2


class Top:
    """The services that are looked at, and their figures."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._history = History(SPARK_WIDTH)

    def look(self, width: int) -> RenderableType:
        """One look at all of them, drawn in that many columns of text."""
        look_at(self._sources)
        shown = sections([one.interval for one in self._sources if one.interval is not None])
        self._history.add(shown)
        return frame(self._sources, shown, self._history, time.time(), width)

    @property
    def reached_any(self) -> bool:
        """Whether one of them answered the last look."""
        return any(source.problem is None for source in self._sources)


def run(urls: Sequence[str], *, once: bool) -> int:
    """Show the services until Ctrl-C, or with ``once`` one frame after two looks; the exit
    code."""
    try:
        addresses = [metrics_address(url) for url in urls or [_default_address()]]
    except ValueError as error:
        tell([str(error)])
        return EXIT_USAGE
    except SettingsError as error:
        tell(error.problems)
        return EXIT_FAILED
    top = Top([Source(address) for address in dict.fromkeys(addresses)])
    console = Console()
    if not once and not console.is_terminal:
        tell(["the output is no terminal: take --once"])
        return EXIT_USAGE
    try:
        return _once(top, console) if once else _on(top, console)
    except KeyboardInterrupt:
        return 0


def _default_address() -> str:
    settings = load_settings()
    host = settings.http_host
    if host in ("0.0.0.0", "::", ""):
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.http_port}"


def _once(top: Top, console: Console) -> int:
    top.look(console.width)
    time.sleep(LOOK_EVERY_S)
    console.print(top.look(console.width))
    if not top.reached_any:
        print("dipper: no service answers", file=sys.stderr)
        return EXIT_FAILED
    return 0


def _on(top: Top, console: Console) -> int:
    with Live(top.look(console.width), console=console, screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(LOOK_EVERY_S)
            live.update(top.look(console.width), refresh=True)
