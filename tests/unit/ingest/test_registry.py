"""The list of allowed terminals."""

from __future__ import annotations

import pytest

from services.ingest.registry import Registry, RegistryError, Terminal, load_terminals

LIST = [
    Terminal("TRUCK-1", "vehicle", "heavy", "secret"),
    Terminal("SHIP-7", "ship", None, None),
]
JSON = b"""[
  {"name": "TRUCK-1", "kind": "vehicle", "class": "heavy", "token": "secret"},
  {"name": "SHIP-7", "kind": "ship", "class": null}
]
"""
CSV = b"name,kind,class,token\r\nTRUCK-1,vehicle,heavy,secret\r\nSHIP-7,ship,,\r\n"


@pytest.mark.parametrize(
    ("content", "file"),
    [
        (JSON, "terminals.json"),
        (CSV, "terminals.csv"),
        (b"\xef\xbb\xbf" + CSV, "TERMINALS.CSV"),
        (b"\n\n" + JSON.replace(b"\n", b""), "-"),
    ],
)
def test_json_and_csv_give_the_same_terminals(content: bytes, file: str) -> None:
    assert load_terminals(content, file) == LIST


@pytest.mark.parametrize(("content", "file"), [(b"[]", "a.json"), (b"name,token\n", "a.csv")])
def test_a_list_may_be_empty(content: bytes, file: str) -> None:
    assert load_terminals(content, file) == []


@pytest.mark.parametrize(
    ("content", "file", "message"),
    [
        (b"", "t.json", "t.json, line 1: not a JSON list of terminals"),
        (b'{"name": "A-1"}', "t.json", "t.json, line 1: not a JSON list of terminals"),
        (b'[\n"A-1"]', "t.json", "t.json, line 2: not a JSON object"),
        (b'[{"name": "A-1"},\n\n{"kind": "x"}]', "t.json", "t.json, line 3: name is missing"),
        (
            b'[{"name": "A-1"},\n{"name": "A-1"}]',
            "t.json",
            "line 2: terminal 'A-1' is listed twice",
        ),
        (b'[{"name": "A-1"}\n{"name": "B-1"}]', "t.json", "t.json, line 2: not JSON"),
        (b'[{"name": "A-1"},\n]', "t.json", "t.json, line 2: not JSON"),
        (b'[{"name": "A-1"}]\nmore', "t.json", "t.json, line 1: not JSON"),
        (b'[{"name": "A-1"}', "t.json", "t.json, line 1: not JSON"),
        (b'[{"name": 7}]', "t.json", "t.json, line 1: name must be a text that is not empty"),
        (b'[{"name": "A-1", "pin": "1"}]', "t.json", "t.json, line 1: 'pin' is none of name, kind"),
        (b'[{"name": "A 1"}]', "t.json", "t.json, line 1: 'A 1' is not 3 to 32 of"),
        (b'[{"name": "A-1", "token": "a*b"}]', "t.json", "line 1: the token holds a character"),
        (b"\n\xff", "t.json", "t.json, line 2: not UTF-8 text"),
        (b"", "t.csv", "t.csv, line 1: the header must be some of name, kind, class, token"),
        (b"kind\nship\n", "t.csv", "t.csv, line 1: the header must be"),
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
    with pytest.raises(RegistryError) as caught:
        load_terminals(content, file)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("terminal", "token", "accepted", "reason"),
    [
        ("TRUCK-1", "secret", True, ""),
        ("TRUCK-1", "secreT", False, "token"),
        ("TRUCK-1", "", False, "token"),
        ("TRUCK-1", None, False, "token"),
        ("SHIP-7", "anything", True, ""),
        ("SHIP-7", None, True, ""),
        ("SHIP-8", "secret", False, "unknown"),
        ("truck-1", "secret", False, "unknown"),
    ],
)
def test_the_registry_judges_name_and_token(
    terminal: str, token: str | None, accepted: bool, reason: str
) -> None:
    assert Registry(LIST).authenticate(terminal, token) == (accepted, reason)


def test_the_registry_keeps_no_token() -> None:
    registry = Registry(LIST)
    assert "secret" not in repr(vars(registry))
    assert vars(registry)["_digests"] != vars(Registry(LIST))["_digests"]
