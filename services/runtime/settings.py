"""Every setting of every service: ``DIPPER_*`` variables, then ``dipper.toml``, then defaults."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from services.runtime.secrets import check_servers, dsn_problem, read_secret, readable

PREFIX = "DIPPER_"
SETTINGS_FILE = "dipper.toml"

TcpPort = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Days = Annotated[int, Field(ge=0, le=36_500)]
ReadableFile = Annotated[str, AfterValidator(readable)]

SECRETS = ("dsn", "kafka_password")
"""Never shown, not even where they are wrong."""


class SettingsError(Exception):
    """Settings that can't be used; ``problems`` holds one sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseSettings):
    """What a service can be told. The variable of ``ingest_port`` is ``DIPPER_INGEST_PORT``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, toml_file=SETTINGS_FILE
    )

    kafka_servers: Annotated[str, AfterValidator(check_servers)] = Field(
        "", description="Kafka's bootstrap servers, host:port,host:port"
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"
    )
    kafka_username: str | None = Field(
        None, description="User for the SASL protocols", validate_default=True
    )
    kafka_password_file: ReadableFile | None = Field(
        None, description="File that holds the password, instead of the variable"
    )
    kafka_password: str | None = Field(
        None, description="Password for the SASL protocols", repr=False, validate_default=True
    )
    kafka_ca_file: ReadableFile | None = Field(
        None, description="PEM file of the authorities that vouch for the brokers"
    )
    kafka_certificate_file: ReadableFile | None = Field(
        None, description="PEM file of our own certificate, if brokers ask for one"
    )
    kafka_key_file: ReadableFile | None = Field(None, description="PEM file of its private key")
    dsn_file: ReadableFile | None = Field(
        None, description="File that holds the database's address, instead of the variable"
    )
    dsn: str = Field(
        "",
        description="The database: postgresql://user@host:port/database",
        repr=False,
        validate_default=True,
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What is told on standard error: debug, info, warning or error"
    )
    audit_log: Annotated[str, Field(min_length=1)] = Field(
        "stderr", description="Where logins and changes are written down: stderr, or a file"
    )
    http_host: str = Field("127.0.0.1", description="Address of /metrics, /healthz and /readyz")
    http_port: TcpPort = Field(9110, description="Port of /metrics, /healthz and /readyz")
    partitions: Count = Field(12, description="Partitions of a data topic when it is created")
    replication: Count | None = Field(
        None, description="Copies of a Kafka topic when it is created; else 3, or all brokers"
    )

    ingest_host: str = Field("127.0.0.1", description="Address that terminals connect to")
    ingest_port: TcpPort = Field(10110, description="TCP port that terminals connect to")
    ingest_tls_host: str = Field(
        "0.0.0.0", description="Address that terminals connect to with TLS"
    )
    ingest_tls_port: TcpPort = Field(
        10111, description="TCP port that terminals connect to with TLS"
    )
    ingest_tls_certificate_file: ReadableFile | None = Field(
        None, description="PEM file of the certificate, with its chain; turns the TLS port on"
    )
    ingest_tls_key_file: ReadableFile | None = Field(
        None, description="PEM file of its private key", validate_default=True
    )
    ingest_tls_client_ca_file: ReadableFile | None = Field(
        None, description="PEM file of the authorities that vouch for terminals"
    )
    ingest_tls_client_certificates: Literal["none", "optional", "required"] = Field(
        "none",
        description="Whether terminals show a certificate; its common name says which one it is",
        validate_default=True,
    )
    ingest_plaintext: bool = Field(
        True, description="Whether there is a port without TLS", validate_default=True
    )
    ingest_unknown_terminals: Literal["accept", "quarantine", "reject"] = Field(
        "quarantine",
        description="Terminals that are not on the list: accept, quarantine or reject",
    )
    ingest_terminal_refresh_s: Seconds = Field(
        2.0, description="How often ingest looks for changes of the list of terminals"
    )
    ingest_login_failures: Count = Field(
        10, description="Failed logins of an address within a minute before it has to wait"
    )
    ingest_default_terminal: str | None = Field(
        None, description="Terminal of a connection that does not say which it is"
    )
    ingest_allow_missing_checksum: bool = Field(
        False, description="Take sentences without a checksum; one that is wrong never passes"
    )
    ingest_flush_after_s: Seconds = Field(
        2.0, description="Silence after which an unfinished epoch is taken as complete"
    )
    ingest_linger_s: Seconds = Field(0.02, description="How long ingest gathers before it appends")
    ingest_max_line: Annotated[int, Field(ge=82, le=65536)] = Field(
        1024, description="Longest line in bytes"
    )
    ingest_max_connections: Count = Field(10_000, description="Most connections at a time")
    ingest_in_flight_bytes: Annotated[int, Field(ge=65536)] = Field(
        64 << 20, description="Most bytes that are read but not yet in the log"
    )
    ingest_connection_in_flight_bytes: Annotated[int, Field(ge=65536)] = Field(
        8 << 20, description="The same of one connection"
    )
    ingest_max_fields: Annotated[int, Field(ge=40, le=4096)] = Field(
        64, description="Most fields of a sentence"
    )
    ingest_connection_buffer_bytes: Annotated[int, Field(ge=1024)] = Field(
        16 << 10,
        description="Most bytes kept of one connection: its unfinished line, or unread answers",
        validate_default=True,
    )
    ingest_unidentified_per_address: Annotated[int, Field(ge=0)] = Field(
        100,
        description="Most connections of an address that have not said who they are; 0 for no "
        "limit",
    )
    ingest_new_per_address_per_s: Annotated[int, Field(ge=0)] = Field(
        200, description="Most new connections a second of an address; 0 for no limit"
    )
    ingest_first_line_s: Seconds = Field(
        10.0, description="Time for the first valid line of a new connection"
    )
    ingest_line_s: Seconds = Field(30.0, description="Time in which a line that began must end")
    ingest_idle_s: Seconds = Field(300.0, description="Silence after which a connection is closed")
    ingest_tls_handshake_s: Seconds = Field(5.0, description="Time for a TLS handshake")
    ingest_keepalive_idle_s: Annotated[int, Field(ge=1, le=32767)] = Field(
        120, description="Silence after which TCP asks a peer whether it is still there"
    )
    ingest_keepalive_interval_s: Annotated[int, Field(ge=1, le=32767)] = Field(
        30, description="Time between such questions"
    )
    ingest_keepalive_probes: Annotated[int, Field(ge=1, le=127)] = Field(
        3, description="Questions without an answer after which the peer is gone"
    )
    ingest_terminal_lines_per_s: Annotated[int, Field(ge=0)] = Field(
        500, description="Lines a second beyond which a terminal is read more slowly; 0: no limit"
    )
    ingest_terminal_burst_lines: Count = Field(
        5_000, description="Lines that a terminal may send at once before that"
    )
    ingest_max_bad_lines: Annotated[int, Field(ge=0)] = Field(
        50, description="Bad lines in a row after which a connection is closed; 0: never"
    )
    ingest_ban_s: Annotated[float, Field(ge=0)] = Field(
        60.0, description="How long that terminal is then shut out; 0: not at all"
    )

    enrich_linger_s: Seconds = Field(0.02, description="How long enrich gathers between batches")
    enrich_checkpoint_s: Seconds = Field(
        5.0, description="How often enrich saves zone state and commits its offsets"
    )
    enrich_zone_refresh_s: Seconds = Field(
        10.0, description="How often enrich looks for new zone definitions"
    )
    store_linger_s: Seconds = Field(0.05, description="How long the store gathers between batches")
    store_connections: Annotated[int, Field(ge=1, le=64)] = Field(
        4, description="Database connections, and so partitions written at a time"
    )
    store_timeout_s: Seconds = Field(60.0, description="Time limit of one database transaction")
    store_watch_s: Seconds = Field(
        60.0, description="How often the store adds up the ledger and counts chunks, for /metrics"
    )

    chunk_hours: Count = Field(24, description="Hours of positions in a new chunk of TimescaleDB")
    columnstore_after_days: Days = Field(
        7, description="Age at which positions become columns; 0 for never"
    )
    retention_positions_days: Days = Field(
        0, description="Age at which positions are deleted; 0 for never"
    )
    retention_latest_position_days: Days = Field(
        0, description="Age at which the last position of a silent terminal is deleted; 0 for never"
    )
    retention_hours_days: Days = Field(
        0, description="Age at which kept hourly figures are deleted; 0 for never"
    )
    retention_zone_events_days: Days = Field(
        0, description="Age at which zone events are deleted; 0 for never"
    )
    retention_messages_days: Days = Field(
        0, description="Age at which messages are deleted; 0 for never"
    )
    retention_rejects_days: Days = Field(
        0, description="Age at which rejects are deleted; 0 for never"
    )

    @field_validator("dsn", "kafka_password")
    @classmethod
    def _from_file(cls, value: str | None, info: ValidationInfo) -> str | None:
        """The secret itself or that in its file."""
        file = info.data.get(f"{info.field_name}_file")
        if file is not None:
            if value:
                name = f"{PREFIX}{info.field_name}_FILE".upper()
                raise ValueError(f"is set, and so is {name}: one of them is enough")
            value = read_secret(file)
        if info.field_name == "dsn" and value:
            problem = dsn_problem(value)
            if problem is not None:
                raise ValueError(problem if file is None else f"in the file {file}: {problem}")
        return value

    @field_validator("kafka_username", "kafka_password")
    @classmethod
    def _fits_protocol(cls, value: str | None, info: ValidationInfo) -> str | None:
        """A secret that would not be used is a mistake as much as one that lacks."""
        protocol = info.data.get("kafka_security_protocol")
        if protocol is None:
            return value
        if protocol.startswith("SASL") and not value:
            raise ValueError(f"is needed with {PREFIX}KAFKA_SECURITY_PROTOCOL={protocol}")
        if value and not protocol.startswith("SASL"):
            raise ValueError(
                f"has no use: {PREFIX}KAFKA_SECURITY_PROTOCOL is {protocol}, not SASL_SSL "
                "or SASL_PLAINTEXT"
            )
        return value

    @field_validator("ingest_connection_buffer_bytes")
    @classmethod
    def _holds_a_line(cls, value: int, info: ValidationInfo) -> int:
        longest = info.data.get("ingest_max_line")
        if longest is not None and value <= longest:
            raise ValueError(f"must be more than {PREFIX}INGEST_MAX_LINE, {longest}")
        return value

    @field_validator("kafka_ca_file", "kafka_certificate_file", "kafka_key_file")
    @classmethod
    def _fits_encryption(cls, value: str | None, info: ValidationInfo) -> str | None:
        protocol = info.data.get("kafka_security_protocol")
        if value and protocol in ("PLAINTEXT", "SASL_PLAINTEXT"):
            raise ValueError(
                f"has no use: {PREFIX}KAFKA_SECURITY_PROTOCOL is {protocol}, not SSL or SASL_SSL"
            )
        return value

    @field_validator("ingest_tls_key_file")
    @classmethod
    def _belongs_to_certificate(cls, value: str | None, info: ValidationInfo) -> str | None:
        certificate = f"{PREFIX}INGEST_TLS_CERTIFICATE_FILE"
        if value is None and info.data.get("ingest_tls_certificate_file"):
            raise ValueError(f"is needed with {certificate}")
        if (
            value
            and "ingest_tls_certificate_file" in info.data
            and not info.data["ingest_tls_certificate_file"]
        ):
            raise ValueError(f"has no use without {certificate}")
        return value

    @field_validator("ingest_tls_client_certificates")
    @classmethod
    def _has_authority(cls, value: str, info: ValidationInfo) -> str:
        if "ingest_tls_client_ca_file" not in info.data:
            return value
        authority = f"{PREFIX}INGEST_TLS_CLIENT_CA_FILE"
        if value != "none" and not info.data["ingest_tls_client_ca_file"]:
            raise ValueError(f"needs {authority}")
        if value == "none" and info.data["ingest_tls_client_ca_file"]:
            raise ValueError(f"makes {authority} useless: say optional or required")
        return value

    @field_validator("ingest_plaintext")
    @classmethod
    def _leaves_a_port(cls, value: bool, info: ValidationInfo) -> bool:
        if not value and info.data.get("ingest_tls_certificate_file", "wrong") is None:
            raise ValueError(
                f"leaves no port at all: set {PREFIX}INGEST_TLS_CERTIFICATE_FILE for one with TLS"
            )
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, then environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


PURE_PYTHON = PREFIX + "PURE_PYTHON"
"""Rules the compiled code out. It asks for that itself, before there are settings."""


def load_settings(overrides: Mapping[str, object] | None = None) -> Settings:
    """The settings in force. Raises SettingsError that names every wrong setting at once."""
    problems = _unknown_variables()
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        problems += [_sentence(dict(problem), given) for problem in error.errors()]
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{Path(SETTINGS_FILE).resolve()}: {error}")
    if problems:
        raise SettingsError(problems)
    return settings


def _unknown_variables() -> list[str]:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {PURE_PYTHON}
    return [
        f"{name} is no setting of Dipper; `dipper settings` lists them"
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and not name.startswith(PREFIX + "TEST_") and name not in known
    ]


def _sentence(problem: dict[str, object], given: Mapping[str, object]) -> str:
    location = problem["loc"]
    name = str(location[0]) if isinstance(location, tuple) and location else "?"
    if problem["input"] is None:
        place = PREFIX + name.upper()
    elif name in given:
        place = "--" + name.replace("_", "-")
    elif PREFIX + name.upper() in os.environ:
        place = PREFIX + name.upper()
    else:
        place = f"{SETTINGS_FILE}: {name}"
    if problem["type"] == "extra_forbidden":
        return f"{place} is no setting of Dipper; `dipper settings` lists them"
    message = str(problem["msg"]).removeprefix("Value error, ")
    if name in SECRETS or problem["input"] is None:
        return f"{place}: {message}"
    return f"{place}={problem['input']!r}: {message}"
