"""One physical line to its readings."""

from __future__ import annotations

from typing import NamedTuple

from services.nmea.gga import GGA
from services.nmea.gll import GLL
from services.nmea.gns import GNS
from services.nmea.gsa import GSA
from services.nmea.gst import GST
from services.nmea.gsv import GSV
from services.nmea.heading import HDT, THS
from services.nmea.identity import Identification
from services.nmea.rmc import RMC
from services.nmea.tag_block import TagBlock
from services.nmea.vtg import VTG
from services.nmea.zda import ZDA

MAX_LINE = 1024


class Other(NamedTuple):
    talker: str
    sentence: str
    fields: list[bytes]


class Control(NamedTuple):
    command: str
    arguments: tuple[str, ...]


class Bad(NamedTuple):
    reason: str


Typed = RMC | GGA | GNS | GLL | VTG | ZDA | GSA | GSV | GST | HDT | THS
Reading = Typed | Other | Control | Identification | TagBlock | Bad


def read_line(
    line: bytes, *, allow_missing_checksum: bool = False, max_line: int = MAX_LINE
) -> list[tuple[bytes, Reading]]:
    raise NotImplementedError
