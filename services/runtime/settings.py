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
    http_host: str = Field("127.0.0.1", description="Address of /metrics, /healthz and /readyz")
    http_port: TcpPort = Field(9110, description="Port of /metrics, /healthz and /readyz")
    partitions: Count = Field(12, description="Partitions of a data topic when it is created")
    replication: Count | None = Field(
        None, description="Copies of a Kafka topic when it is created; else 3, or all brokers"
    )

    ingest_host: str = Field("127.0.0.1", description="Address that terminals connect to")
    ingest_port: TcpPort = Field(10110, description="TCP port that terminals connect to")
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

    chunk_hours: Count = Field(24, description="Hours of positions in a new chunk of TimescaleDB")
    columnstore_after_days: Days = Field(
        7, description="Age at which positions become columns; 0 for never"
    )
    retention_positions_days: Days = Field(
        0, description="Age at which positions are deleted; 0 for never"
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

    @field_validator("kafka_ca_file", "kafka_certificate_file", "kafka_key_file")
    @classmethod
    def _fits_encryption(cls, value: str | None, info: ValidationInfo) -> str | None:
        protocol = info.data.get("kafka_security_protocol")
        if value and protocol in ("PLAINTEXT", "SASL_PLAINTEXT"):
            raise ValueError(
                f"has no use: {PREFIX}KAFKA_SECURITY_PROTOCOL is {protocol}, not SSL or SASL_SSL"
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
    known = {PREFIX + name.upper() for name in Settings.model_fields}
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
