"""What the ingest service can be told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How the lines of one connection are read."""

    default_terminal: str | None = None
    """Terminal of lines that do not say whose they are; None: they are quarantined."""
    allow_missing_checksum: bool = False
    max_line: int = 1024
    """Longest line in bytes."""
    max_terminals: int = 256
    """Terminals whose streams a connection remembers at a time besides its own (TAG sources)."""


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """What the whole service needs; lengths in bytes, times in seconds."""

    host: str = "127.0.0.1"
    port: int = 10110
    """IANA's port for NMEA 0183; 0 asks for a free one."""
    session: SessionSettings = SessionSettings()
    flush_after_s: float = 2.0
    """Silence of a terminal after which its open epoch is taken as complete."""
    linger_s: float = 0.005
    """Shortest time between two appends to the log, in which outcomes gather."""
    max_round_records: int = 5_000
    max_connections: int = 10_000
    in_flight_bytes: int = 64 << 20
    """Most bytes of records that wait for the log, of all connections together."""
    connection_in_flight_bytes: int = 8 << 20
    """Most bytes of records of one connection that wait for the log."""
    stop_timeout_s: float = 4.0
    """How long a stop waits for the log to take what was read."""
