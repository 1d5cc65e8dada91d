"""Every setting of every service: ``DIPPER_*`` variables, then ``dipper.toml``, then defaults."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

PREFIX = "DIPPER_"
SETTINGS_FILE = "dipper.toml"

TcpPort = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


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

    kafka_servers: str = Field("", description="Kafka's bootstrap servers, host:port,host:port")
    dsn: str = Field("", description="The database: postgresql://user@host:port/database")
    http_host: str = Field("127.0.0.1", description="Address of /metrics, /healthz and /readyz")
    http_port: TcpPort = Field(9110, description="Port of /metrics, /healthz and /readyz")
    partitions: Count = Field(12, description="Partitions of a data topic when it is created")
    replication: Count = Field(1, description="Copies of a Kafka topic when it is created")

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
    ingest_linger_s: Seconds = Field(0.01, description="How long ingest gathers before it appends")
    ingest_max_line: Annotated[int, Field(ge=82, le=65536)] = Field(
        1024, description="Longest line in bytes"
    )
    ingest_max_connections: Count = Field(10_000, description="Most connections at a time")
    ingest_in_flight_bytes: Annotated[int, Field(ge=65536)] = Field(
        64 << 20, description="Most bytes that are read but not yet in the log"
    )

    enrich_checkpoint_s: Seconds = Field(
        1.0, description="How often enrich saves zone state and commits its offsets"
    )
    enrich_zone_refresh_s: Seconds = Field(
        10.0, description="How often enrich looks for new zone definitions"
    )
    store_connections: Annotated[int, Field(ge=1, le=64)] = Field(
        4, description="Database connections, and so partitions written at a time"
    )
    store_timeout_s: Seconds = Field(60.0, description="Time limit of one database transaction")

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
    if name in given:
        place = "--" + name.replace("_", "-")
    elif PREFIX + name.upper() in os.environ:
        place = PREFIX + name.upper()
    else:
        place = f"{SETTINGS_FILE}: {name}"
    if problem["type"] == "extra_forbidden":
        return f"{place} is no setting of Dipper; `dipper settings` lists them"
    return f"{place}={problem['input']!r}: {problem['msg']}"
