"""Which sentence's word counts for which value of a fix."""

from __future__ import annotations

import pytest

from services.model import FIX_QUALITIES, FixQuality
from services.nmea.heading import HDT, THS
from services.nmea.readings import Typed
from tests.unit.nmea.epoch_sentences import gga, gll, gns, gsa, gst, gsv, one_fix, rmc, vtg, zda

NO_FIX_GGA = gga(5, quality=0, lat=None, lon=None)


@pytest.mark.parametrize(
    ("sentences", "expected"),
    [
        *[([gga(5, quality=number)], name) for number, name in enumerate(FIX_QUALITIES)],
        ([gga(5, quality=4), rmc(5, mode="A")], "rtk_fixed"),
        ([gga(5, quality=9)], "none"),
        ([gns(5, mode="AN")], "gnss"),
        ([gns(5, mode="AD")], "dgnss"),
        ([gns(5, mode="RF")], "rtk_fixed"),
        ([gns(5, mode="NNFA")], "rtk_float"),
        ([gns(5, mode="NE")], "estimated"),
        ([gns(5, mode="NN")], "none"),
        ([gns(5, mode="D"), rmc(5, mode="A")], "dgnss"),
        ([rmc(5)], "gnss"),
        ([rmc(5, valid=False)], "none"),
        ([rmc(5, mode="D")], "dgnss"),
        ([rmc(5, mode="R")], "rtk_fixed"),
        ([rmc(5, mode="F")], "rtk_float"),
        ([rmc(5, mode="P")], "pps"),
        ([rmc(5, mode="N")], "none"),
        ([rmc(5, valid=False, mode="A")], "none"),
        ([rmc(5, valid=False, mode="E")], "estimated"),
        ([rmc(5, valid=False, mode="S")], "simulated"),
        ([rmc(5, mode="M")], "manual"),
        ([rmc(5, lat=None)], "none"),
        ([gll(5)], "gnss"),
        ([gll(5, valid=False)], "none"),
        ([gll(5, mode="D")], "dgnss"),
        ([rmc(5, valid=False), gll(5)], "gnss"),
        ([NO_FIX_GGA, rmc(5, mode="A")], "gnss"),
        ([NO_FIX_GGA, gns(5, mode="NN"), rmc(5, valid=False)], "none"),
        ([zda(5)], "none"),
    ],
)
def test_fix_quality(sentences: list[Typed], expected: FixQuality) -> None:
    assert one_fix(*sentences, zda(5)).fix == expected


@pytest.mark.parametrize(
    ("sentences", "lat"),
    [
        ([rmc(5, lat=1.0), gga(5, lat=2.0), gns(5, lat=3.0), gll(5, lat=4.0)], 2.0),
        ([gll(5, lat=4.0), rmc(5, lat=1.0), gns(5, lat=3.0)], 3.0),
        ([gll(5, lat=4.0), rmc(5, lat=1.0)], 1.0),
        ([gll(5, lat=4.0)], 4.0),
        ([gga(5, "GP", lat=1.0), gga(5, "BD", lat=2.0)], 1.0),
        ([gga(5, "GP", lat=1.0), gga(5, "GN", lat=2.0)], 2.0),
        ([gga(5, "GP", lat=1.0), gga(5, "GN", lat=2.0, quality=0)], 1.0),
        ([gga(5, "GP", lat=1.0, quality=0), gga(5, "BD", lat=2.0)], 2.0),
        ([gga(5, "GN", lat=1.0), gga(5, "BD", lat=2.0)], 1.0),
        ([rmc(5, "GP", lat=1.0, valid=False), rmc(5, "BD", lat=2.0)], 2.0),
        ([rmc(5, "BD", lat=1.0), rmc(5, "GN", lat=2.0)], 2.0),
        ([gll(5, "BD", lat=1.0, valid=False), gll(5, "GP", lat=2.0)], 2.0),
        ([gns(5, "BD", lat=1.0, mode="N"), gns(5, "GP", lat=2.0, mode="A")], 2.0),
    ],
)
def test_whose_position_counts(sentences: list[Typed], lat: float) -> None:
    assert one_fix(*sentences, zda(5)).lat == lat


def test_without_a_fix_no_measured_value_is_reported_but_satellites_are() -> None:
    old = gga(5, quality=0, lat=41.0, lon=-93.0, altitude=280.2, used=0, hdop=50.0)
    fix = one_fix(old, rmc(5, valid=False), gst(5), gsv("GP", 1, 1, 4, "gps"))

    assert fix.fix == "none"
    assert (fix.lat, fix.lon, fix.altitude_m, fix.geoid_separation_m) == (None,) * 4
    assert (fix.speed_kmh, fix.course_deg, fix.lat_error_m) == (None,) * 3
    assert (fix.satellites_used, fix.hdop, fix.satellites_in_view_by) == (0, 50.0, {"gps": 4})


def test_altitude_of_a_gga_without_a_fix_is_not_believed() -> None:
    fix = one_fix(gga(5, quality=0, altitude=280.2), rmc(5))

    assert (fix.fix, fix.altitude_m, fix.geoid_separation_m) == ("gnss", None, None)


@pytest.mark.parametrize(
    ("sentences", "speed", "course"),
    [
        ([rmc(5), vtg()], 36.0, 90.0),
        ([rmc(5, speed=None), vtg()], 35.0, 90.0),
        ([rmc(5, course=None), vtg()], 36.0, 91.0),
        ([rmc(5, course=None)], 36.0, None),
        ([rmc(5, course=0.0, speed=0.0), vtg()], 0.0, 0.0),
        ([gga(5), zda(5), vtg()], 35.0, 91.0),
        ([gga(5), zda(5), vtg(course=None, speed=None)], None, None),
        ([gga(5), zda(5), vtg("GP", speed=None), vtg("BD")], 35.0, 91.0),
        ([gga(5), zda(5)], None, None),
    ],
)
def test_speed_and_course(
    sentences: list[Typed], speed: float | None, course: float | None
) -> None:
    fix = one_fix(*sentences)

    assert (fix.speed_kmh, fix.course_deg) == (speed, course)


def test_altitude_satellites_and_hdop_come_from_gga_then_gns() -> None:
    both = one_fix(rmc(5), gns(5), gga(5))
    only_gns = one_fix(rmc(5), gns(5))
    gaps = one_fix(rmc(5), gns(5), gga(5, altitude=None, used=None, hdop=None, separation=None))

    assert (both.altitude_m, both.satellites_used, both.hdop) == (12.0, 9, 0.9)
    for fix in (only_gns, gaps):
        assert (fix.altitude_m, fix.geoid_separation_m) == (13.0, 8.5)
        assert (fix.satellites_used, fix.hdop) == (14, 0.7)


def test_dilutions_come_from_the_first_gsa_that_gives_them() -> None:
    empty = gsa("GN", "gps")._replace(pdop=None, hdop=None, vdop=None)
    fix = one_fix(rmc(5), empty, gsa("GN", "beidou"))

    assert (fix.pdop, fix.hdop, fix.vdop) == (2.0, 1.0, 1.7)


def test_hdop_of_gga_comes_before_that_of_gsa() -> None:
    assert one_fix(rmc(5), gsa(), gga(5)).hdop == 0.9


def test_errors_come_from_gst_and_the_correction_age_from_gga() -> None:
    fix = one_fix(rmc(5), gst(5), gga(5, quality=2, age=3.5))

    assert (fix.lat_error_m, fix.lon_error_m, fix.altitude_error_m) == (1.5, 2.5, 3.5)
    assert fix.differential_age_s == 3.5


@pytest.mark.parametrize(
    ("sentences", "heading"),
    [
        ([], None),
        ([HDT("HE", 0.0)], 0.0),
        ([THS("GN", 181.5, "A")], 181.5),
        ([HDT("HE", None), THS("GN", 181.5, "A")], 181.5),
        ([HDT("HE", 12.0), HDT("HE", 13.0)], 12.0),
    ],
)
def test_heading(sentences: list[Typed], heading: float | None) -> None:
    assert one_fix(rmc(5), *sentences).heading_deg == heading


@pytest.mark.parametrize(
    ("sentences", "used"),
    [
        ([], None),
        ([gsa("GN", "gps")], {}),
        ([gsa("GN", "gps", 1, 2), gsa("GN", "beidou", 1, 2, 3)], {"gps": 2, "beidou": 3}),
        pytest.param(
            [gsa("GN", "gps", *range(1, 13)), gsa("GN", "gps", 13, 14)],
            {"gps": 14},
            id="more than twelve",
        ),
        pytest.param(
            [gsa("GP", "gps", 1, 2), gsa("GN", "gps", 1, 2)], {"gps": 2}, id="by two talkers"
        ),
        pytest.param(
            [gsa("GN", None, 5, 40, 70, 210)],
            {"gps": 1, "sbas": 1, "glonass": 1, "beidou": 1},
            id="no system id: the satellite ids tell",
        ),
    ],
)
def test_satellites_used_by_constellation(
    sentences: list[Typed], used: dict[str, int] | None
) -> None:
    assert one_fix(rmc(5), *sentences).satellites_used_by == used


@pytest.mark.parametrize(
    ("sentences", "view"),
    [
        ([], None),
        ([gsv("GP", 2, 1, 7, "gps"), gsv("GP", 2, 2, 7, "gps")], {"gps": 7}),
        pytest.param([gsv("GP", 2, 1, 7, "gps")], None, id="the group's end is missing"),
        pytest.param([gsv("GP", 2, 2, 7, "gps")], None, id="the group's beginning is missing"),
        pytest.param(
            [gsv("GP", 3, 1, 9, "gps"), gsv("GP", 3, 3, 9, "gps")], None, id="its middle is missing"
        ),
        pytest.param(
            [gsv("GP", 1, 1, 7, "gps", "1"), gsv("GP", 1, 1, 5, "gps", "8")],
            {"gps": 7},
            id="two signals of the same satellites",
        ),
        pytest.param(
            [gsv("GP", 1, 1, 7, "gps"), gsv("BD", 1, 1, 0, "beidou")],
            {"gps": 7, "beidou": 0},
            id="none in view is a number too",
        ),
    ],
)
def test_satellites_in_view_by_constellation(
    sentences: list[Typed], view: dict[str, int] | None
) -> None:
    assert one_fix(rmc(5), *sentences).satellites_in_view_by == view
