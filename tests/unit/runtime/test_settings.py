"""Settings from variables, file and command line, and what is said of wrong ones."""

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
