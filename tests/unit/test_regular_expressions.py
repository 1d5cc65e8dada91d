"""No input makes a regular expression slow: its work grows with the input and not faster."""

from __future__ import annotations

import ast
import re
import string
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from services.nmea.read import read_line

SERVICES = Path(__file__).parents[2] / "services"
SMALL, FACTOR = 400, 12
TOO_FAST = FACTOR * 3
"""Quadratic work grows by FACTOR², 144."""
NOTICEABLE_S = 0.002
"""Only what takes so long for the large input is looked at closely: linear work hardly does."""
ROUNDS = 3
SEARCHING = {"search", "finditer", "findall", "sub", "subn", "split"}
OUR_OWN_TEXT = {
    r"^-- requires: *(.+?) *$": "the migrations in schemas/sql",
    "<x>(.*?)</x>": "the status page in services/runtime",
}
"""Patterns that read files of the distribution only."""
CHARACTERS = "aA1 .,:;*$!\\/-_=[]'\"\t\x00\xff"


class Expression(NamedTuple):
    """A regular expression of the program, and how it is used."""

    place: str
    compiled: re.Pattern[Any]
    methods: tuple[str, ...]


def modules() -> list[Path]:
    return sorted(SERVICES.rglob("*.py"))


def used_methods() -> dict[str, set[str]]:
    """By the name of anything: the methods of regular expressions that are called on it."""
    known = SEARCHING | {"match", "fullmatch"}
    found: dict[str, set[str]] = {}
    for module in modules():
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in known:
                owner = node.value
                name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
                found.setdefault(name, set()).add(node.attr)
    return found


def text_of(node: ast.expr) -> Any:
    """A pattern as it is written, with x for what is put into it."""
    if isinstance(node, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values]
        return "".join(parts)
    return ast.literal_eval(node)


def is_call_of_re(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
    )


def flags(call: ast.Call) -> int:
    total = 0
    for given in [*call.args[1:], *(keyword.value for keyword in call.keywords)]:
        for node in ast.walk(given):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                total |= getattr(re, node.attr) if node.value.id == "re" else 0
    return total


def expressions() -> Iterator[Expression]:
    methods = used_methods()
    for module in modules():
        tree = ast.parse(module.read_text())
        names = {
            node.value: target.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not is_call_of_re(node):
                continue
            assert isinstance(node, ast.Call)
            assert isinstance(node.func, ast.Attribute)
            if node.func.attr == "escape":
                continue
            place = f"{module.relative_to(SERVICES)}:{node.lineno}"
            pattern = text_of(node.args[0])
            if pattern in OUR_OWN_TEXT:
                continue
            if node.func.attr == "compile":
                # One that is handed on is used in the way that takes most work.
                used = methods.get(names.get(node, ""), {"search"})
                yield Expression(place, re.compile(pattern, flags(node)), tuple(sorted(used)))
            else:
                yield Expression(place, re.compile(pattern), (node.func.attr,))


def literals(pattern: str) -> list[str]:
    """The texts in a pattern: what an attacker would begin with."""
    plain = re.sub(r"\\(.)", r"\1", re.sub(r"\(\?[^)]*?\)|\[[^\]]*\]|\{[^}]*\}", "\0", pattern))
    return [part for part in re.split(r"[\0()|?*+^]", plain) if part]


def adversaries(pattern: str) -> Iterator[tuple[str, str, str]]:
    """A beginning, what is repeated, and an end that spoils the match."""
    beginnings = ["", *literals(pattern)]
    for beginning in beginnings:
        for unit in [*CHARACTERS, "1.", "a,", " *", "$!", "!A", *beginnings[1:]]:
            for end in ("", "\n", "*", "]"):
                yield beginning, unit, end


def inputs(pattern: str | bytes, size: int) -> Iterator[str | bytes]:
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    for beginning, unit, end in adversaries(text):
        made = beginning + (unit * size)[:size] + end
        yield made.encode("latin-1") if isinstance(pattern, bytes) else made


def seconds(work: Callable[[], object], rounds: int) -> float:
    """The least of several runs, in processor time."""
    best = float("inf")
    for _ in range(rounds):
        began = time.thread_time()
        work()
        best = min(best, time.thread_time() - began)
    return best


def runner(expression: Expression, method: str) -> Callable[[Any], object]:
    call = getattr(expression.compiled, method)
    if method in ("sub", "subn"):
        empty = b"" if isinstance(expression.compiled.pattern, bytes) else ""
        return lambda text: call(empty, text)
    if method == "finditer":
        return lambda text: list(call(text))
    return call  # type: ignore[no-any-return]


def assert_linear(work: Callable[[Any], object], small: Any, large: Any) -> None:
    if seconds(lambda: work(large), 1) < NOTICEABLE_S:
        return
    ratio = seconds(lambda: work(large), ROUNDS) / max(seconds(lambda: work(small), ROUNDS), 1e-6)
    assert ratio < TOO_FAST, f"{ratio:.0f} times the work for {FACTOR} times {small[:40]!r}"


@pytest.mark.parametrize("expression", list(expressions()), ids=lambda expression: expression.place)
def test_a_regular_expression_is_linear_for_any_input(expression: Expression) -> None:
    assert_all_linear(expression, SMALL, SMALL * FACTOR)


@pytest.mark.parametrize(
    "unit",
    [
        *[bytes([code]) for code in range(256) if chr(code) in string.punctuation + " a\x00\xff"],
        b"!A", b"!*", b"\\a", b"\\s:", b"\\s:a\\", b"$GPRMC", b"$GPRMC,", b"!AIVDM,", b"*00",
        b"!*00", b"$GPRMC*00", b"IMEI ", b"IMEI  *", b"123456/", b"123456$", b"PDPR,LOGIN,",
    ],
)  # fmt: skip
def test_reading_a_line_is_linear_whatever_it_is_made_of(unit: bytes) -> None:
    limit = SMALL * FACTOR

    def read(line: bytes) -> object:
        return read_line(line, max_line=limit + 10, max_fields=limit)

    for beginning, end in ((b"", b""), (b"IMEI ", b"x *"), (b"$GPTXT,", b"*00"), (b"!", b"*0")):
        # Whole units: one that is cut off may be read in quite another way.
        made = [beginning + unit * (size // len(unit)) + end for size in (SMALL, limit)]
        assert_linear(read, *made)


def assert_all_linear(expression: Expression, small: int, large: int) -> None:
    pattern = expression.compiled.pattern
    for method in expression.methods:
        work = runner(expression, method)
        for made in zip(inputs(pattern, small), inputs(pattern, large), strict=True):
            assert_linear(work, *made)


@pytest.mark.parametrize(
    ("pattern", "method", "small", "large"),
    [
        (r"(a+)+b", "match", 12, 22),
        (r"a *b* *c", "match", SMALL, SMALL * FACTOR),
        (r"[^x]+x", "search", SMALL, SMALL * FACTOR),
    ],
)
def test_an_expression_that_backtracks_is_found(
    pattern: str, method: str, small: int, large: int
) -> None:
    with pytest.raises(AssertionError):
        assert_all_linear(Expression("", re.compile(pattern), (method,)), small, large)
