"""The checksum of NMEA 0183: the exclusive or of all bytes between the start and ``*``."""

from __future__ import annotations

_INT = int.from_bytes

HEX_BYTES: dict[bytes, int] = {
    digits.encode("ascii"): value
    for value in range(256)
    for upper in (f"{value:02X}",)
    for digits in (upper, upper.lower(), upper[0] + upper[1].lower(), upper[0].lower() + upper[1])
}
"""Every pair of hex digits, in either case, to its value."""

SHORT_LINE = 132
"""The longest line, in bytes, whose body between ``$`` and ``*hh`` has at most 128 bytes."""

_FOLDED_BYTES = 128

_END = tuple(f"*{value:02X}".encode("ascii") for value in range(256))

ENDS: tuple[bytes, ...] = tuple([_END[high ^ low] for high in range(256) for low in range(256)])
"""How a sentence ends whose body is folded down to these two bytes."""


def checksum(body: bytes) -> int:
    """The exclusive or of all bytes of ``body``, 0 to 255."""
    number = _INT(body)
    if len(body) > _FOLDED_BYTES:
        bits = 8 * _FOLDED_BYTES
        while bits < number.bit_length():
            bits *= 2
        while bits > 8 * _FOLDED_BYTES:
            bits //= 2
            number ^= number >> bits
    # Written out for what is left: nearly all bodies are that short.
    number ^= number >> 512
    number ^= number >> 256
    number ^= number >> 128
    number ^= number >> 64
    number ^= number >> 32
    number ^= number >> 16
    return (number ^ number >> 8) & 0xFF
