"""The first start makes every password, and later ones keep them."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from services.runtime.secrets import dsn_problem, read_secret
from tests.unit.deploy.settings_of import DEPLOY

FOLDER = DEPLOY / "compose"
VOLUME = "/run/dipper-secrets"


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """make_secrets.py as a module that remembers whose a file is to be, and changes no owner."""
    spec = importlib.util.spec_from_file_location("make_secrets", FOLDER / "make_secrets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    owners: dict[str, tuple[int, int]] = {}
    module.owners = owners  # type: ignore[attr-defined]

    def chown(path: Path, user: int, group: int) -> None:
        owners[path.stem] = (user, group)

    monkeypatch.setattr(os, "chown", chown)
    return module


def test_every_file_is_made_once_and_kept(maker: ModuleType, tmp_path: Path) -> None:
    assert maker.make(tmp_path) == [secret.name for secret in maker.SECRETS]
    before = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert maker.make(tmp_path) == []
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == before


def test_each_is_readable_by_one_user_only(maker: ModuleType, tmp_path: Path) -> None:
    maker.make(tmp_path)
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o400}
    assert maker.owners == {secret.name: secret.owner for secret in maker.SECRETS}


def test_passwords_differ_from_one_another_and_from_project_to_project(
    maker: ModuleType, tmp_path: Path
) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        maker.make(tmp_path / name)
    made = [
        (tmp_path / name / secret.name).read_text()
        for name in ("one", "other")
        for secret in maker.SECRETS
        if secret.of is None
    ]
    assert len(set(made)) == len(made)
    assert min(map(len, made)) >= 32


def test_dippers_address_of_the_database_is_one_with_the_password_of_its_role(
    maker: ModuleType, tmp_path: Path
) -> None:
    maker.make(tmp_path)
    dsn = read_secret(str(tmp_path / "dsn"))
    assert dsn_problem(dsn) is None
    password = (tmp_path / "dipper_password").read_text()
    assert dsn == f"postgresql://dipper:{password}@timescaledb:5432/dipper"


def test_grafana_has_the_password_of_its_reader(maker: ModuleType, tmp_path: Path) -> None:
    maker.make(tmp_path)
    given = (tmp_path / "grafana_database_password").read_text()
    assert given == (tmp_path / "grafana_reader_password").read_text()


def test_a_start_that_was_cut_off_is_made_good(maker: ModuleType, tmp_path: Path) -> None:
    maker.make(tmp_path)
    kept = (tmp_path / "dipper_password").read_text()
    (tmp_path / "dsn").unlink()
    (tmp_path / "dsn.new").write_text("postgres")
    assert maker.make(tmp_path) == ["dsn"]
    assert kept in (tmp_path / "dsn").read_text()


def test_every_secret_that_something_reads_is_made_and_the_other_way_round(
    maker: ModuleType,
) -> None:
    files = [FOLDER / "compose.yaml", FOLDER / "initdb/010_roles.sql"]
    files.append(DEPLOY / "grafana/provisioning/datasources/dipper.yml")
    read = {name for file in files for name in re.findall(rf"{VOLUME}/(\w+)", file.read_text())}
    assert read == {secret.name for secret in maker.SECRETS}


def test_dippers_files_belong_to_the_user_of_its_containers(maker: ModuleType) -> None:
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    (owner,) = {secret.owner for secret in maker.SECRETS if secret.name == "dsn"}
    assert services["store"]["user"] == f"{owner[0]}:{owner[1]}"
