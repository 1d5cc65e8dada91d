"""What a process says of itself: once a minute of a kind, and how often it held its tongue."""

from __future__ import annotations

import logging

from services.runtime.logs import OncePerMinute


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def record(level: int, text: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("services.x", level, __file__, 1, text, arguments, None)


def test_a_warning_of_a_kind_is_let_through_once_a_minute_with_the_number_held_back() -> None:
    clock = Clock()
    once = OncePerMinute(clock)
    told = [once.filter(record(logging.WARNING, "%s: %s", "Kafka", n)) for n in range(4)]
    assert told == [True, False, False, False]
    clock.now += 61
    again = record(logging.WARNING, "%s: %s", "Kafka", 4)
    assert once.filter(again)
    assert again.getMessage() == "Kafka: 4 (and 3 more like it)"


def test_warnings_about_different_things_do_not_hide_one_another() -> None:
    once = OncePerMinute(Clock())
    assert once.filter(record(logging.WARNING, "%s: %s", "Kafka", "away"))
    assert once.filter(record(logging.WARNING, "%s: %s", "database", "away"))


def test_information_always_passes() -> None:
    once = OncePerMinute(Clock())
    assert all(once.filter(record(logging.INFO, "%s joined", "enrich")) for _ in range(3))
