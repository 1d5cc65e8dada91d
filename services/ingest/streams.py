"""The terminals of one connection: mostly one, up to some hundreds behind a TAG-block gateway."""

from __future__ import annotations

from services.nmea.terminal import Outcomes, TerminalDecoder


class Stream(TerminalDecoder):
    """A terminal's decoder, and the tick of its last line."""

    __slots__ = ("heard",)

    def __init__(self, terminal: str, run: str, heard: int) -> None:
        super().__init__(terminal, run)
        self.heard = heard


class Streams:
    """The decoders of a connection's terminals; of more than ``limit`` the oldest are let go.

    Silence is counted in ticks, so that it needs no clock.
    """

    __slots__ = ("_by_terminal", "_limit", "run", "ticks")

    def __init__(self, run: str, limit: int) -> None:
        self.run = run
        self.ticks = 0
        """How many ticks there were."""
        self._limit = limit
        self._by_terminal: dict[str, Stream] = {}

    def __len__(self) -> int:
        return len(self._by_terminal)

    def get(self, terminal: str) -> Stream | None:
        """The terminal's stream if it is here."""
        return self._by_terminal.get(terminal)

    def terminals(self) -> list[str]:
        """Whose streams are here."""
        return list(self._by_terminal)

    def open(self, terminal: str, keep: Stream | None, out: Outcomes) -> Stream:
        """The terminal's stream, new if need be; one other than ``keep`` may have to leave."""
        stream = self._by_terminal.get(terminal)
        if stream is None:
            if len(self._by_terminal) > self._limit:
                oldest = next(name for name, s in self._by_terminal.items() if s is not keep)
                self._by_terminal.pop(oldest).flush(out)
            stream = Stream(terminal, self.run, self.ticks)
            self._by_terminal[terminal] = stream
        return stream

    def tick(self, silent_ticks: int, out: Outcomes) -> None:
        """Flush open epochs of terminals that were silent for so many ticks."""
        self.ticks += 1
        for stream in self._by_terminal.values():
            if self.ticks - stream.heard >= silent_ticks and stream.pending_lines:
                stream.flush(out)

    def flush(self, out: Outcomes) -> None:
        """Let all open epochs leave as they are."""
        for stream in self._by_terminal.values():
            stream.flush(out)

    def discard(self, out: Outcomes) -> None:
        """Give all open epochs up as connection_lost."""
        for stream in self._by_terminal.values():
            stream.discard(out)

    def pending(self) -> tuple[int, int | None]:
        """How many lines are in open epochs, and the ordinal of the first of them."""
        lines, first = 0, None
        for stream in self._by_terminal.values():
            if more := stream.pending_lines:
                lines += more
                ordinal = stream.pending_ordinal
                if first is None or (ordinal is not None and ordinal < first):
                    first = ordinal
        return lines, first
