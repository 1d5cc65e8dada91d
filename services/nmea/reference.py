"""The reference decoder, pynmeagps: for sentences without a fast path, and to check that path.

pynmeagps is slow to import, so that happens at the first call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, time
from typing import Any

from services.nmea.constellations import BY_SYSTEM, UNKNOWN, constellation
from services.nmea.fields import EPOCH_ORDINAL, KMH_PER_KNOT, days, full_year
from services.nmea.gga import GGA
from services.nmea.gll import GLL
from services.nmea.gns import GNS
from services.nmea.gsa import GSA
from services.nmea.gst import GST
from services.nmea.gsv import GSV
from services.nmea.heading import HDT, THS
from services.nmea.readings import Other, Typed
from services.nmea.rmc import RMC
from services.nmea.vtg import VTG
from services.nmea.zda import ZDA

MAX_JSON_INTEGER = 2**53
AIS = ("VDM", "VDO")

Attributes = Mapping[str, Any]


def parse_other(line: bytes, other: Other) -> Mapping[str, object] | None:
    """The fields of a sentence by name, as JSON can hold them; None for an unknown sentence.

    Empty fields are None, times and dates ISO 8601. An AIS report gives its fields by number, its
    payload undecoded.
    """
    texts = [field.decode("utf-8", "backslashreplace") for field in other.fields]
    if line[:1] == b"!":
        if other.sentence not in AIS:
            return None
        return {f"field_{place:02d}": text or None for place, text in enumerate(texts, 1)}
    attributes = _attributes(other.talker, other.sentence, texts)
    if attributes is None:
        return None
    return {name: _json_value(value) for name, value in attributes.items()}


def parse_typed(fields: list[bytes]) -> Typed:
    """A typed sentence as pynmeagps reads it; ``fields`` begin with the address.

    Raises ValueError where pynmeagps can't read it or the sentence is none of the typed ones.
    """
    address = fields[0].decode("ascii")
    talker, sentence = address[:2], address[2:]
    if sentence not in _CONVERTERS:
        raise ValueError(f"{address} is no typed sentence")
    # Not by its own talker: pynmeagps takes PQGSV for a proprietary sentence.
    attributes = _attributes("GN", sentence, [field.decode("ascii") for field in fields[1:]])
    if attributes is None:
        raise ValueError(f"pynmeagps can't read {fields!r}")
    given = {name: value for name, value in attributes.items() if value != ""}
    return _CONVERTERS[sentence](talker, given)


def _attributes(talker: str, sentence: str, texts: list[str]) -> Attributes | None:
    from pynmeagps import exceptions
    from pynmeagps.nmeamessage import NMEAMessage
    from pynmeagps.nmeatypes_core import GET, NMEA_TALKERS, VALMSGID

    known = talker if talker in NMEA_TALKERS else "GN"
    try:
        message = NMEAMessage(
            known, sentence, GET, validate=VALMSGID, payload=list(texts), checksum=""
        )
    except (
        exceptions.NMEAMessageError,
        exceptions.NMEAParseError,
        exceptions.NMEATypeError,
        LookupError,
    ):
        return None
    return {name: value for name, value in vars(message).items() if name[0] != "_"}


def _json_value(value: object) -> object:
    if value == "":
        return None
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, int) and abs(value) > MAX_JSON_INTEGER:
        return str(value)
    return value


def _time_of_day_us(given: Attributes) -> int | None:
    sent = given.get("time")
    if sent is None:
        return None
    seconds = (sent.hour * 60 + sent.minute) * 60 + sent.second
    return int(seconds * 1_000_000 + sent.microsecond)


def _kmh(knots: float | None) -> float | None:
    return None if knots is None else knots * KMH_PER_KNOT


def _valid(given: Attributes) -> bool:
    return given.get("status") in ("A", "D")


def _rmc(talker: str, given: Attributes) -> RMC:
    sent = given.get("date")
    return RMC(
        talker,
        _time_of_day_us(given),
        _valid(given),
        given.get("lat"),
        given.get("lon"),
        _kmh(given.get("spd")),
        given.get("cog"),
        None if sent is None else sent.toordinal() - EPOCH_ORDINAL,
        given.get("posMode"),
    )


def _gga(talker: str, given: Attributes) -> GGA:
    quality = given.get("quality", 0)
    return GGA(
        talker,
        _time_of_day_us(given),
        given.get("lat"),
        given.get("lon"),
        2 if quality == 9 else quality,
        given.get("numSV"),
        given.get("HDOP"),
        given.get("alt"),
        given.get("sep"),
        given.get("diffAge"),
    )


def _gns(talker: str, given: Attributes) -> GNS:
    return GNS(
        talker,
        _time_of_day_us(given),
        given.get("lat"),
        given.get("lon"),
        given.get("posMode", ""),
        given.get("numSV"),
        given.get("HDOP"),
        given.get("alt"),
        given.get("sep"),
        given.get("diffAge"),
    )


def _gll(talker: str, given: Attributes) -> GLL:
    return GLL(
        talker,
        given.get("lat"),
        given.get("lon"),
        _time_of_day_us(given),
        _valid(given),
        given.get("posMode"),
    )


def _vtg(talker: str, given: Attributes) -> VTG:
    speed = given.get("sogk", _kmh(given.get("sogn")))
    return VTG(talker, given.get("cogt"), speed, given.get("posMode"))


def _zda(talker: str, given: Attributes) -> ZDA:
    date_days = None
    if given.keys() >= {"year", "month", "day"}:
        year = given["year"]
        date_days = days(full_year(year) if year < 100 else year, given["month"], given["day"])
    return ZDA(talker, _time_of_day_us(given), date_days)


def _gsa(talker: str, given: Attributes) -> GSA:
    satellites = _satellites(given)
    system = BY_SYSTEM.get(given.get("systemId", "").encode("ascii"))
    name = system or constellation(talker, satellites)
    return GSA(
        talker,
        given.get("navMode"),
        satellites,
        given.get("PDOP"),
        given.get("HDOP"),
        given.get("VDOP"),
        None if name == UNKNOWN else name,
    )


def _gsv(talker: str, given: Attributes) -> GSV:
    satellites = _satellites(given)
    return GSV(
        talker,
        given["numMsg"],
        given["msgNum"],
        given.get("numSV"),
        constellation(talker, satellites),
        given.get("signalID"),
        satellites,
    )


def _satellites(given: Attributes) -> tuple[int, ...]:
    return tuple([value for name, value in given.items() if name[:4] == "svid" and value])


def _gst(talker: str, given: Attributes) -> GST:
    return GST(
        talker,
        _time_of_day_us(given),
        given.get("stdLat"),
        given.get("stdLong"),
        given.get("stdAlt"),
    )


def _hdt(talker: str, given: Attributes) -> HDT:
    return HDT(talker, given.get("headingT"))


def _ths(talker: str, given: Attributes) -> THS:
    mode = given.get("mi")
    return THS(talker, None if mode == "V" else given.get("headt"), mode)


_CONVERTERS: Mapping[str, Callable[[str, Attributes], Typed]] = {
    "RMC": _rmc,
    "GGA": _gga,
    "GNS": _gns,
    "GLL": _gll,
    "VTG": _vtg,
    "ZDA": _zda,
    "GSA": _gsa,
    "GSV": _gsv,
    "GST": _gst,
    "HDT": _hdt,
    "THS": _ths,
}
