"""The image, built once."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from tests.engines.fixtures import without
from tests.engines.found import NotAvailableError
from tests.integration.deploy.container import Image
from tests.integration.deploy.root_folder import build

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image, built by the steps of its Dockerfile."""
    folder = tmp_path_factory.mktemp("image")
    try:
        root, stage = build(ROOT, ROOT / "deploy/docker/Dockerfile", folder / "stages")
    except NotAvailableError as error:
        without("root folder", error)
    # Everybody may pass to the root folder, as the services are not root.
    for path in (folder, *folder.parents):
        if path.stat().st_uid == os.geteuid():
            path.chmod(path.stat().st_mode | 0o011)
    yield Image(root, stage, folder)
    shutil.rmtree(folder)


@pytest.fixture
async def database(timescaledb_dsn: str) -> AsyncIterator[str]:
    """DSN of a new, empty database."""
    name = f"deploy_{uuid.uuid4().hex[:8]}"
    server = await asyncpg.connect(timescaledb_dsn)
    await server.execute(f"CREATE DATABASE {name}")
    yield urlunsplit(urlsplit(timescaledb_dsn)._replace(path="/" + name))
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()
