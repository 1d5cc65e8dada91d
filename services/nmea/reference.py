"""The reference decoder: pynmeagps."""

from __future__ import annotations

from collections.abc import Mapping

from services.nmea.read import Other


def parse_other(line: bytes, other: Other) -> Mapping[str, object] | None:
    raise NotImplementedError
