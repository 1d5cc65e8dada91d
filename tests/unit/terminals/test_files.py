"""The operator's lists of terminals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.terminals.files import STANDARD_INPUT, Listed, TerminalFileError, read_terminals

JSON = b"""[
  {"name": "TRUCK-1", "kind": "vehicle", "class": "heavy", "token": "secret"},
  {"name": "SHIP-7", "kind": "ship", "class": null, "token": null}
]
"""
CSV = b"name,kind,class,token\r\nTRUCK-1,vehicle,heavy,secret\r\nSHIP-7,ship,,\r\n"
ROWS = [("TRUCK-1", "vehicle", "heavy", "secret", True), ("SHIP-7", "ship", None, None, True)]


def rows(listed: list[Listed]) -> list[tuple[object, ...]]:
    return [tuple(one)[:-1] for one in listed]


@pytest.mark.parametrize(
    ("content", "file"),
    [
        (JSON, "terminals.json"),
        (CSV, "terminals.csv"),
        (b"\xef\xbb\xbf" + CSV, "TERMINALS.CSV"),
        (b"\n\n" + JSON.replace(b"\n", b""), "terminals"),
        (CSV, STANDARD_INPUT),
        (JSON, STANDARD_INPUT),
    ],
)
def test_json_and_csv_give_the_same_terminals(content: bytes, file: str) -> None:
    assert rows(read_terminals(content, file)) == ROWS


def test_a_row_knows_its_file_and_line() -> None:
    assert [one.place for one in read_terminals(JSON, "t.json")] == [
        "t.json, line 2",
        "t.json, line 3",
    ]


@pytest.mark.parametrize(
    ("content", "file"), [(b'[{"name": "T-1"}]', "a.json"), (b"name,kind\nT-1,ship\n", "a.csv")]
)
def test_a_list_without_the_field_says_nothing_of_tokens(content: bytes, file: str) -> None:
    (one,) = read_terminals(content, file)
    assert not one.says_token


@pytest.mark.parametrize(("content", "file"), [(b"[]", "a.json"), (b"name,token\n", "a.csv")])
def test_a_list_may_be_empty(content: bytes, file: str) -> None:
    assert read_terminals(content, file) == []


@pytest.mark.parametrize(
    ("content", "file", "message"),
    [
        (b"", "t.json", "t.json, line 1: not a JSON list of terminals"),
        (b'{"name": "A-1"}', "t.json", "t.json, line 1: not a JSON list of terminals"),
        (b'[\n"A-1"]', "t.json", "t.json, line 2: not a JSON object"),
        (b'[{"name": "A-1"},\n\n{"kind": "ship"}]', "t.json", "t.json, line 3: name is missing"),
        (
            b'[{"name": "A-1"},\n{"name": "A-1"}]',
            "t.json",
            "line 2: terminal 'A-1' is listed twice, first in t.json, line 1",
        ),
        (b'[{"name": "A-1"}\n{"name": "B-1"}]', "t.json", "t.json, line 2: not JSON"),
        (b'[{"name": "A-1"},\n]', "t.json", "t.json, line 2: not JSON"),
        (b'[{"name": "A-1"}]\nmore', "t.json", "t.json, line 1: not JSON"),
        (b'[{"name": "A-1"}', "t.json", "t.json, line 1: not JSON"),
        (b"[" * 100_000, "t.json", "t.json, line 1: not JSON"),
        (b'[{"name": 7}]', "t.json", "t.json, line 1: name must be a text that is not empty"),
        (b'[{"name": "A-1", "pin": "1"}]', "t.json", "t.json, line 1: 'pin' is none of name, kind"),
        (b'[{"name": "A 1"}]', "t.json", "t.json, line 1: 'A 1' is not 3 to 32 of"),
        (b'[{"name": "A-1", "kind": "car"}]', "t.json", "'car' is none of vehicle, ship, station"),
        (b'[{"name": "A-1", "token": "a*b"}]', "t.json", "line 1: the token holds a character"),
        (b'[{"name": "A-1", "token": "a b\\u0007"}]', "t.json", "line 1: the token holds"),
        (b'[{"name": "A-1", "token": "%b"}]' % (b"x" * 129), "t.json", "more than 128 characters"),
        (b"\n\xff", "t.json", "t.json, line 2: not UTF-8 text"),
        (b"", "t.csv", "t.csv, line 1: the header must be some of name,kind,class,token"),
        (b"kind\nship\n", "t.csv", "t.csv, line 1: the header must be"),
        (b"name,name\nA-1,B-1\n", "t.csv", "t.csv, line 1: the header must be"),
        (b"name,pin\nA-1,1\n", "t.csv", "t.csv, line 1: the header must be"),
        (b"name,kind\nA-1,ship\nB-1\n", "t.csv", "t.csv, line 3: not as many values"),
        (b"name,kind\nA-1,ship,1\n", "t.csv", "t.csv, line 2: not as many values"),
        (b"name,kind\n,ship\n", "t.csv", "t.csv, line 2: name is missing"),
        (b'name\nA-1\n"B-1', "t.csv", "t.csv, line 3"),
    ],
)
def test_a_wrong_file_is_told_with_its_line_and_reason(
    content: bytes, file: str, message: str
) -> None:
    with pytest.raises(TerminalFileError) as caught:
        read_terminals(content, file)
    assert message in str(caught.value)


def test_all_wrong_rows_are_told_at_once_and_no_token_with_them() -> None:
    with pytest.raises(TerminalFileError) as caught:
        read_terminals(b"name,kind,token\nA-1,car,hush1\nB 1,,hush2\nC-1,,hu*sh3\n", "t.csv")
    assert len(caught.value.problems) == 3
    assert "sh" not in str(caught.value).replace("ship", "")


def test_of_very_many_problems_the_first_are_told() -> None:
    with pytest.raises(TerminalFileError) as caught:
        read_terminals(b"name\n" + b"x\n" * 1000, "t.csv")
    assert len(caught.value.problems) == 21
    assert caught.value.problems[-1] == "t.csv: and 980 problems more"


@given(st.binary(max_size=200), st.sampled_from(["t.csv", "t.json", STANDARD_INPUT]))
def test_whatever_a_file_holds_it_is_a_list_or_is_told(content: bytes, file: str) -> None:
    problems: list[str] = []
    try:
        read_terminals(content, file)
    except TerminalFileError as error:
        problems = error.problems
    assert all(problem.startswith(file) for problem in problems)
