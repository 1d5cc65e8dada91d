"""What decode measured, as a report."""

from __future__ import annotations

from loadtests import decode
from loadtests.other_readers import other_readers
from loadtests.report import Report
from services.nmea import core

UNIT = "µs/sentence"


def decode_report(command: str, rounds: int) -> Report:
    """Both streams, all readers."""
    report = Report("decode", command)
    others, report.notes = other_readers()
    for row in decode.measure_all(rounds, others):
        for what, took_us, ratio in (
            ("sentences read", row.sentence_us, row.sentence_ratio),
            ("on to fixes", row.fix_us, row.fix_ratio),
            ("sentences read in Python", row.python_sentence_us, row.python_sentence_ratio),
            ("on to fixes in Python", row.python_fix_us, row.python_fix_ratio),
        ):
            report.add(f"{what}, {row.stream}", took_us, UNIT, "pynmeagps", ratio)
        report.add(f"pynmeagps, {row.stream}", row.reference_us, UNIT)
        for name, took_us in row.others.items():
            ratio = took_us / row.sentence_us
            report.add(f"sentences read, {row.stream}", row.sentence_us, UNIT, name, ratio)
            report.add(f"{name}, {row.stream}", took_us, UNIT)
    report.notes.append(f"Dipper: {core.ABOUT}.")
    report.notes.append("CPU time of one process; a ratio is how many times less Dipper takes.")
    return report
