"""Why a line is rejected: every reason, declared once."""

from __future__ import annotations

CHECKSUM_WRONG = "checksum_wrong"
CHECKSUM_MISSING = "checksum_missing"
LINE_TOO_LONG = "line_too_long"
TOO_MANY_FIELDS = "too_many_fields"
NOT_NMEA = "not_nmea"
MALFORMED = "malformed"
BAD_FIELD = "bad_field"
TAG_CHECKSUM_WRONG = "tag_checksum_wrong"
UNSUPPORTED = "unsupported"
NO_DATE = "no_date"
NO_TIME = "no_time"
AFTER_EPOCH = "after_epoch"
UNIDENTIFIED = "unidentified"
UNKNOWN_TERMINAL = "unknown_terminal"
LOGIN_REFUSED = "login_refused"
RATE_LIMITED = "rate_limited"
BANNED = "banned"
CONNECTION_LOST = "connection_lost"

REASONS: dict[str, str] = {
    CHECKSUM_WRONG: "The checksum does not fit: bytes were changed or lost on the way.",
    CHECKSUM_MISSING: "The sentence has no checksum and was not allowed to have none.",
    LINE_TOO_LONG: "The line is longer than the limit; what was over it is dropped.",
    TOO_MANY_FIELDS: "The sentence has more fields than the limit.",
    NOT_NMEA: "Bytes outside any sentence: another protocol, text or noise.",
    MALFORMED: "The address or the shape is none of NMEA 0183's.",
    BAD_FIELD: "The checksum holds, yet a field holds what it can't hold.",
    TAG_CHECKSUM_WRONG: "The checksum of the TAG block before a sentence is wrong or missing.",
    UNSUPPORTED: "A valid sentence of a kind that no decoder here knows.",
    NO_DATE: "The stream gave no date (RMC or ZDA), so the time is not known.",
    NO_TIME: "The sentence has no time of its own, and none with a time came to join it.",
    AFTER_EPOCH: "The sentence came after the fix of its time had left.",
    UNIDENTIFIED: "The stream has not said which terminal it is.",
    UNKNOWN_TERMINAL: "The terminal is not among the known ones.",
    LOGIN_REFUSED: "The login was refused: its terminal or its token is wrong.",
    RATE_LIMITED: "The terminal sent more than its limit.",
    BANNED: "The terminal is shut out for a while, after too many bad lines in a row.",
    CONNECTION_LOST: "The acknowledged connection broke within an epoch; its lines come again.",
}
"""Every reason with its help text."""
