"""The package's imports point one way, and its pure part touches nothing outside."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVICES = Path(__file__).parents[2] / "services"

LAYERS = {
    "model": 0,
    "codec": 0,
    "_codec": 0,
    "_fixes": 0,
    "nmea": 1,
    "zones": 1,
    "terminals": 1,
    "log": 2,
    "runtime": 2,
    "ingest": 3,
    "enrich": 3,
    "store": 3,
    "tools": 3,
    "assembly": 4,
    "cli": 5,
}
PURE = ("model.py", "codec.py", "nmea", "zones", "terminals")
SHELL_MODULES = {
    "aiohttp", "aiokafka", "asyncio", "asyncpg", "datetime.now", "io", "logging", "os", "pathlib",
    "prometheus_client", "random", "selectors", "shutil", "socket", "sqlite3", "subprocess",
    "tempfile", "threading", "time", "urllib", "uvloop",
}  # fmt: skip
SIBLINGS = {"ingest", "enrich", "store"}


def modules() -> list[Path]:
    return sorted(SERVICES.rglob("*.py"))


def imports(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            yield node.module or ""


def part(module: Path) -> str:
    return module.relative_to(SERVICES).parts[0].removesuffix(".py")


@pytest.mark.parametrize("module", modules(), ids=lambda path: str(path.relative_to(SERVICES)))
def test_a_module_imports_only_from_its_own_layer_or_below(module: Path) -> None:
    own = part(module)
    if own == "__init__":
        return
    for name in imports(module):
        if not name.startswith("services."):
            continue
        other = name.split(".")[1]
        assert LAYERS[other] <= LAYERS[own], f"{own} imports {name}"
        if own in SIBLINGS:
            assert other == own or other not in SIBLINGS, f"{own} imports {name}"


@pytest.mark.parametrize(
    "module",
    [module for module in modules() if module.relative_to(SERVICES).parts[0] in PURE],
    ids=lambda path: str(path.relative_to(SERVICES)),
)
def test_a_pure_module_imports_no_clock_no_io_and_no_event_loop(module: Path) -> None:
    reached = {name.split(".")[0] for name in imports(module)} & SHELL_MODULES
    assert not reached
