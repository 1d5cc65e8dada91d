"""``dipper decode`` without its command line."""

from __future__ import annotations

import csv
import errno
import gzip
import io
import json
from pathlib import Path

import pytest

from services.tools.decode import DONE, FAILED, decode
from services.tools.fix_formats import COLUMNS, clock_time
from services.tools.formatting import format_time
from tests.unit.nmea.stream_lines import BARE, GGA_5, GGA_6, NO_FIX_7, RMC_5, WRONG

CAPTURE = GGA_6 + RMC_5 + GGA_5 + BARE + WRONG + NO_FIX_7


class Decoded:
    """What decoding some captures gave."""

    def __init__(self, folder: Path, form: str, *captures: bytes, **options: bool) -> None:
        names = []
        for number, content in enumerate(captures):
            path = folder / f"{number}.log"
            path.write_bytes(content)
            names.append(str(path))
        out, talk = io.BytesIO(), io.StringIO()
        self.code = decode(names, "TRUCK-1", form, out, talk=talk, **options)  # type: ignore[arg-type]
        self.text = out.getvalue().decode()
        self.talk = talk.getvalue()

    @property
    def records(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.text.splitlines()]


def test_one_record_an_epoch_in_the_order_of_the_stream(tmp_path: Path) -> None:
    undated, dated, no_fix = Decoded(tmp_path, "jsonl", CAPTURE).records

    assert (undated["time"], undated["time_of_day"]) == (None, "00:00:06.000")
    assert dated["time"] == "2024-10-04T00:00:05.000Z"
    assert (dated["terminal"], dated["fix"], dated["talkers"]) == ("TRUCK-1", "gnss", ["GN"])
    assert (dated["lat"], dated["lon"], dated["altitude_m"]) == (28.0, 120.7, 63.6)
    assert (dated["satellites_used"], dated["hdop"]) == (13, 1.7)
    assert (no_fix["fix"], no_fix["lat"], no_fix["course_deg"]) == ("none", None, None)


def test_records_hold_nothing_about_the_reading(tmp_path: Path) -> None:
    record = Decoded(tmp_path, "jsonl", RMC_5).records[0]

    assert set(record) == set(COLUMNS) - {"time_of_day"}


def test_csv_has_a_header_and_a_row_a_fix(tmp_path: Path) -> None:
    header, *rows = csv.reader(io.StringIO(Decoded(tmp_path, "csv", CAPTURE).text))

    assert tuple(header) == COLUMNS
    dated = dict(zip(header, rows[1], strict=True))
    assert (dated["time"], dated["time_of_day"]) == ("2024-10-04T00:00:05.000Z", "")
    assert (dated["lat"], dated["heading_deg"], dated["talkers"]) == ("28.0", "", "GN")
    assert len(rows) == 3


def test_geojson_is_one_collection(tmp_path: Path) -> None:
    collection = json.loads(Decoded(tmp_path, "geojson", CAPTURE).text)

    assert collection["type"] == "FeatureCollection"
    _, dated, no_fix = collection["features"]
    assert dated["geometry"] == {"type": "Point", "coordinates": [120.7, 28.0]}
    assert dated["properties"]["time"] == "2024-10-04T00:00:05.000Z"
    assert no_fix["geometry"] is None


def test_geojson_of_nothing_is_an_empty_collection(tmp_path: Path) -> None:
    collection = json.loads(Decoded(tmp_path, "geojson", b"").text)

    assert collection == {"type": "FeatureCollection", "features": []}


def test_the_summary_tells_used_and_rejected_lines(tmp_path: Path) -> None:
    decoded = Decoded(tmp_path, "jsonl", CAPTURE)

    assert decoded.code == DONE
    assert decoded.talk.splitlines() == [
        "fixes: 3 (1 without a position, 1 without a date); messages: 0",
        "lines: 6 (3 used, 3 rejected)",
        "  rejected checksum_missing: 1",
        "  rejected checksum_wrong: 1",
        "  rejected no_date: 1",
    ]


def test_missing_checksums_can_be_allowed(tmp_path: Path) -> None:
    decoded = Decoded(tmp_path, "jsonl", RMC_5 + BARE, allow_missing_checksum=True)

    assert "lines: 2 (2 used, 0 rejected)" in decoded.talk


def test_several_files_are_one_stream_as_replay_sends_them(tmp_path: Path) -> None:
    records = Decoded(tmp_path, "jsonl", RMC_5, gzip.compress(GGA_6)).records

    assert [record["time"] for record in records] == [
        "2024-10-04T00:00:05.000Z",
        "2024-10-04T00:00:06.000Z",
    ]


def test_an_unreadable_file_gives_one_sentence_and_what_was_decoded_before(tmp_path: Path) -> None:
    decoded = Decoded(tmp_path, "geojson", RMC_5, gzip.compress(GGA_6)[:-9])

    assert decoded.code == FAILED
    assert decoded.talk.splitlines()[0] == (
        f"cannot read capture {tmp_path / '1.log'}: the gzip file is truncated"
    )
    assert len(json.loads(decoded.text)["features"]) == 1


class Refusing(io.BytesIO):
    """An output that can't be written."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def write(self, data: object) -> int:
        raise self._error


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (BrokenPipeError(), DONE, ""),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            FAILED,
            "cannot write the output: No space left on device\n",
        ),
    ],
)
def test_an_output_that_fails(tmp_path: Path, error: OSError, code: int, said: str) -> None:
    (tmp_path / "a.log").write_bytes(RMC_5)
    talk = io.StringIO()

    result = decode([str(tmp_path / "a.log")], "TRUCK-1", "jsonl", Refusing(error), talk=talk)

    assert (result, talk.getvalue()) == (code, said)


@pytest.mark.parametrize(
    ("time_us", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_424_850_116_799_000, "2015-02-25T07:41:56.799Z"),
        (1_424_850_116_799_001, "2015-02-25T07:41:56.799001Z"),
        (253_402_300_799_999_000, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_times_are_rfc_3339(time_us: int, text: str) -> None:
    assert format_time(time_us) == text


@pytest.mark.parametrize(
    ("time_of_day_us", "text"),
    [
        (0, "00:00:00.000"),
        (86_399_999_999, "23:59:59.999999"),
        (86_400_500_000, "23:59:60.500"),
    ],
)
def test_times_of_day(time_of_day_us: int, text: str) -> None:
    assert clock_time(time_of_day_us) == text
