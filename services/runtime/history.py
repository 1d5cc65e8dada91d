"""The last values of each figure, for sparklines."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from services.runtime.figures import Section


class History:
    """Keeps the figures of the last ``size`` looks."""

    def __init__(self, size: int) -> None:
        self._looks: deque[dict[str, float | None]] = deque(maxlen=size)

    def add(self, sections: Sequence[Section]) -> None:
        """One more look."""
        self._looks.append({row.key: row.value for section in sections for row in section.rows})

    def of(self, key: str) -> list[float | None]:
        """The values of a figure, oldest first; None where it was not there."""
        return [look.get(key) for look in self._looks]
