"""Settings from variables, file and command line, and what is said of wrong ones."""

import re
from pathlib import Path

import pytest

from services.runtime.settings import PREFIX, Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def test_defaults_are_the_documented_ports() -> None:
    settings = load_settings()
    assert (settings.ingest_port, settings.ingest_host) == (10110, "127.0.0.1")


def test_a_variable_wins_over_the_file_and_an_option_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dipper.toml").write_text("ingest_port = 1111\nhttp_port = 2222\npartitions = 3\n")
    monkeypatch.setenv("DIPPER_INGEST_PORT", "3333")
    monkeypatch.setenv("DIPPER_HTTP_PORT", "4444")
    settings = load_settings({"http_port": 5555, "partitions": None})
    assert (settings.ingest_port, settings.http_port, settings.partitions) == (3333, 5555, 3)


def test_all_problems_are_told_at_once_each_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dipper.toml").write_text('http_port = "ninety"\nhtpp_host = "x"\n')
    monkeypatch.setenv("DIPPER_INGEST_PORT", "99999")
    monkeypatch.setenv("DIPPER_INGSET_HOST", "0.0.0.0")
    with pytest.raises(SettingsError) as caught:
        load_settings({"partitions": 0})
    told = "\n".join(caught.value.problems)
    for name in (
        "dipper.toml: http_port",
        "dipper.toml: htpp_host",
        "DIPPER_INGEST_PORT='99999'",
        "DIPPER_INGSET_HOST is no setting",
        "--partitions=0",
    ):
        assert name in told
    assert len(caught.value.problems) == 5


def test_a_file_that_is_no_toml_is_told_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "dipper.toml").write_text("ingest_port = = 5\n")
    with pytest.raises(SettingsError, match=r"dipper.toml.*line 1"):
        load_settings()


def test_every_setting_says_what_it_is_for() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_secrets_come_from_files_without_the_line_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("p w\n")
    (tmp_path / "dsn").write_text("postgresql://dipper:x@db:5432/dipper\n")
    monkeypatch.setenv("DIPPER_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("DIPPER_KAFKA_USERNAME", "dipper")
    monkeypatch.setenv("DIPPER_KAFKA_PASSWORD_FILE", str(tmp_path / "password"))
    monkeypatch.setenv("DIPPER_DSN_FILE", str(tmp_path / "dsn"))
    settings = load_settings()
    assert settings.kafka_password == "p w"
    assert settings.dsn == "postgresql://dipper:x@db:5432/dipper"
    assert "p w" not in repr(settings)
    assert "dipper:x" not in repr(settings)


def test_a_secret_given_twice_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dsn").write_text("postgresql://a@b/c")
    monkeypatch.setenv("DIPPER_DSN", "postgresql://d@e/f")
    monkeypatch.setenv("DIPPER_DSN_FILE", str(tmp_path / "dsn"))
    with pytest.raises(SettingsError, match="DIPPER_DSN: is set, and so is DIPPER_DSN_FILE"):
        load_settings()


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, ["KAFKA_USERNAME: ", "KAFKA_PASSWORD: "]),
        ({"KAFKA_USERNAME": "u"}, ["KAFKA_USERNAME='u': has no use"]),
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, ["KAFKA_SECURITY_PROTOCOL='TLS'"]),
        ({"KAFKA_CA_FILE": "/not/there"}, ["KAFKA_CA_FILE='/not/there': the file can't be read"]),
        ({"KAFKA_CA_FILE": __file__}, ["has no use"]),
        ({"KAFKA_PASSWORD_FILE": "/not/there"}, ["KAFKA_PASSWORD_FILE='/not/there'"]),
        ({"KAFKA_SERVERS": "a:1,b"}, ["KAFKA_SERVERS='a:1,b': 'b' is no host:port"]),
        ({"LOG_LEVEL": "loud"}, ["LOG_LEVEL='loud'"]),
    ],
)
def test_kafka_settings_that_do_not_fit_together_are_told(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: list[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert len(caught.value.problems) == len(told)
    for part, problem in zip(told, caught.value.problems, strict=True):
        assert part in problem


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://dipper@127.0.0.1:5432/dipper",
        "postgres://dipper:a%2Fb@db/dipper?sslmode=require",
        "postgresql://dipper@db1:5432,db2:5432/dipper",
        "postgresql://dipper@[::1]:5432/dipper",
        "postgresql:///dipper?host=/run/postgresql",
    ],
)
def test_addresses_of_databases_are_taken(monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    monkeypatch.setenv("DIPPER_DSN", dsn)
    assert load_settings().dsn == dsn


@pytest.mark.parametrize(
    "dsn",
    [
        "dipper:hush@db/dipper",
        "mysql://dipper:hush@db/dipper",
        "postgresql://dipper:hu/sh@db/dipper",
        "postgresql://dipper:hu#sh@db/dipper",
        "postgresql://dipper:hush@db:port/dipper",
        "postgresql://dipper:hush@[db/dipper",
    ],
)
def test_a_wrong_address_of_a_database_is_told_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, dsn: str
) -> None:
    monkeypatch.setenv("DIPPER_DSN", dsn)
    with pytest.raises(SettingsError, match="DIPPER_DSN: is no address") as caught:
        load_settings()
    assert "hu" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"CERTIFICATE_FILE": __file__}, "INGEST_TLS_KEY_FILE: is needed with"),
        ({"KEY_FILE": __file__}, "has no use without DIPPER_INGEST_TLS_CERTIFICATE_FILE"),
        ({"CERTIFICATE_FILE": "/none", "KEY_FILE": __file__}, "the file can't be read"),
        ({"CLIENT_CERTIFICATES": "required"}, "needs DIPPER_INGEST_TLS_CLIENT_CA_FILE"),
        ({"CLIENT_CERTIFICATES": "maybe", "CLIENT_CA_FILE": __file__}, "CERTIFICATES='maybe'"),
        ({"CLIENT_CA_FILE": __file__}, "makes DIPPER_INGEST_TLS_CLIENT_CA_FILE useless"),
        ({"PLAINTEXT": "false"}, "leaves no port at all"),
    ],
)
def test_tls_settings_that_do_not_fit_together_are_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: str
) -> None:
    for name, value in variables.items():
        part = "INGEST_" if name == "PLAINTEXT" else "INGEST_TLS_"
        monkeypatch.setenv(PREFIX + part + name, value)
    with pytest.raises(SettingsError, match=re.escape(told)) as caught:
        load_settings()
    assert len(caught.value.problems) == 1


def test_plaintext_listens_on_this_machine_only_unless_told_otherwise() -> None:
    settings = load_settings()
    assert settings.ingest_host == "127.0.0.1"
    assert settings.ingest_tls_certificate_file is None


def test_the_switch_of_compiled_code_is_no_unknown_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIPPER_PURE_PYTHON", "1")
    assert load_settings() is not None
