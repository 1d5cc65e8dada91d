"""Streams that the tests of ``dipper check`` are made of, and what it says of them."""

from __future__ import annotations

from services.tools.check_facts import Facts
from services.tools.check_rules import judge
from services.tools.check_stream import StreamCheck
from tests.unit.nmea.stream_lines import sentence


def rmc(clock: str, *, lon: str = "12042.00000", date: str = "041024") -> bytes:
    return sentence(f"GNRMC,{clock},A,2800.00000,N,{lon},E,0.5,120.9,{date},,,A")


def gga(clock: str, *, lon: str = "12042.00000") -> bytes:
    return sentence(f"GNGGA,{clock},2800.00000,N,{lon},E,1,13,1.7,63.6,M,48.3,M,,")


GSA = sentence("GNGSA,A,3,01,02,03,04,,,,,,,,,2.0,1.7,1.1,4")


def epoch(second: int) -> bytes:
    clock = f"0000{second:02}.000"
    return rmc(clock) + gga(clock) + GSA


GOOD = sentence("PGID,TRUCK-7") + b"".join(map(epoch, range(60)))


def facts_of(*captures: bytes, allow_missing_checksum: bool = False) -> Facts:
    stream = StreamCheck(allow_missing_checksum=allow_missing_checksum)
    for number, capture in enumerate(captures):
        stream.begin_file(f"{number}.log")
        stream.feed(capture)
    return stream.finish()


def levels(facts: Facts) -> dict[str, str]:
    return {each.name: each.level for each in judge(facts)}
