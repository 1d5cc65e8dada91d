"""The list of reasons is complete and each explains itself."""

from __future__ import annotations

from services.nmea import reasons
from services.nmea.reasons import REASONS


def test_every_reason_has_a_help_text_and_every_text_a_reason() -> None:
    declared = {
        value for name, value in vars(reasons).items() if name.isupper() and name != "REASONS"
    }
    assert set(REASONS) == declared


def test_help_texts_are_sentences() -> None:
    assert all(text[0].isupper() and text.endswith(".") for text in REASONS.values())
