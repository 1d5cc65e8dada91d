# encode_fix of services.codec for many fixes, compiled: native/fixes.c.

from typing import Any

from services.model import Fix

def setup(fix: type[Fix]) -> None: ...
def add_fixes(entries: list[Any], fixes: list[Fix], start: int, entry: type) -> tuple[int, int]: ...
