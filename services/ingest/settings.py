"""What the ingest service can be told."""

from __future__ import annotations

from dataclasses import dataclass

from services.runtime.tls import TlsFiles


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How the lines of one connection are read."""

    default_terminal: str | None = None
    """Terminal of lines that do not say whose they are; None: they are quarantined."""
    allow_missing_checksum: bool = False
    max_line: int = 1024
    """Longest line in bytes."""
    max_fields: int = 64
    """Most fields of a sentence, its address not counted."""
    max_bad_lines: int = 50
    """Bad lines in a row after which the connection is closed; 0: never."""
    max_terminals: int = 256
    """Terminals whose streams a connection remembers at a time besides its own (TAG sources)."""


@dataclass(frozen=True, slots=True)
class TlsListener:
    """A port for terminals that speak TLS."""

    host: str
    port: int
    """0 asks for a free one."""
    files: TlsFiles


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What one client may do to a server that others use, too; 0 of a number is no limit."""

    unidentified_per_address: int = 100
    """Open connections of one address that have not said who they are."""
    new_per_address_per_s: int = 200
    first_line_s: float = 10.0
    """Time for a new connection's first valid line."""
    line_s: float = 30.0
    """Time in which a line that has begun must end."""
    idle_s: float = 300.0
    """Silence after which a connection is closed."""
    tls_handshake_s: float = 5.0
    keepalive_idle_s: int = 120
    keepalive_interval_s: int = 30
    keepalive_probes: int = 3
    """Unanswered probes after which TCP takes a silent peer for gone."""
    terminal_lines_per_s: int = 500
    """A connection is read more slowly than it sends beyond so many, times its terminals."""
    terminal_burst_lines: int = 5_000
    ban_s: float = 60.0
    """How long a terminal that sent too many bad lines is shut out; 0: not at all."""
    connection_buffer_bytes: int = 16 << 10
    """Most bytes that the server keeps of one connection: an open line, unread replies."""


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """What the whole service needs; lengths in bytes, times in seconds."""

    host: str = "127.0.0.1"
    port: int = 10110
    """IANA's port for NMEA 0183; 0 asks for a free one."""
    plaintext: bool = True
    """Whether there is a port without TLS."""
    tls: TlsListener | None = None
    session: SessionSettings = SessionSettings()
    limits: LimitSettings = LimitSettings()
    flush_after_s: float = 2.0
    """Silence of a terminal after which its open epoch is taken as complete."""
    linger_s: float = 0.005
    """Shortest time between two appends to the log, in which outcomes gather."""
    max_round_records: int = 5_000
    max_connections: int = 10_000
    login_failures: int = 10
    """Failed logins of an address within a minute, after which it has to wait for its end."""
    in_flight_bytes: int = 64 << 20
    """Most bytes of records that wait for the log, of all connections together."""
    connection_in_flight_bytes: int = 8 << 20
    """Most bytes of records of one connection that wait for the log."""
    stop_timeout_s: float = 4.0
    """How long a stop waits for the log to take what was read."""
