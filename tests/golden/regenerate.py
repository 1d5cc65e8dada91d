"""``python -m tests.golden.regenerate [CASE …]``: write what decoding gives now as expected.

Look at the difference (``git diff tests/golden``) before you keep it: every changed line is a
changed fix.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.golden.cases import all_cases, decode_case, expected_records, expected_summary


def main(names: list[str]) -> None:
    """Regenerate the named cases, or all."""
    cases = [case for case in all_cases() if not names or case.name in names]
    unknown = set(names) - {case.name for case in cases}
    if unknown:
        sys.exit(f"no such case: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            decoding = decode_case(case, Path(folder))
            expected_summary(case).write_text(decoding.summary)
            if case.records:
                expected_records(case).write_text(decoding.records)
            print(f"{case.name}: {decoding.records.count(chr(10))} fixes")


if __name__ == "__main__":
    main(sys.argv[1:])
