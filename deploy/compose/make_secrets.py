"""Makes the passwords of the compose project in a folder, each file once: make_secrets.py FOLDER.

A password that is there stays, so every start may run this. A file can be read by the one user
that needs it: the ids are those of the images in compose.yaml.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import NamedTuple

MODE = 0o400
POSTGRES, DIPPER, GRAFANA = (70, 70), (10001, 10001), (472, 0)
ADDRESS = "postgresql://dipper:{password}@timescaledb:5432/dipper"


class Secret(NamedTuple):
    """A file, who reads it, and of which other file it repeats the password."""

    name: str
    owner: tuple[int, int]
    """User id, group id."""
    of: str | None = None
    form: str = "{password}"


SECRETS = (
    Secret("postgres_password", POSTGRES),
    Secret("dipper_password", POSTGRES),
    Secret("grafana_reader_password", POSTGRES),
    Secret("dsn", DIPPER, of="dipper_password", form=ADDRESS),
    Secret("grafana_admin_password", GRAFANA),
    Secret("grafana_database_password", GRAFANA, of="grafana_reader_password"),
)


def make(folder: Path) -> list[str]:
    """Make the files that are missing; their names. Raises OSError."""
    made = []
    for secret in SECRETS:
        file = folder / secret.name
        if file.exists():
            continue
        password = secrets.token_urlsafe(24)
        if secret.of is not None:
            password = (folder / secret.of).read_text(encoding="ascii")
        _write(file, secret.form.format(password=password), secret.owner)
        made.append(secret.name)
    return made


def _write(file: Path, content: str, owner: tuple[int, int]) -> None:
    """All of it or nothing, and nobody else's at any moment."""
    unfinished = file.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    with os.fdopen(descriptor, "w", encoding="ascii") as sink:
        sink.write(content)
        sink.flush()
        os.fsync(sink.fileno())
    os.chown(unfinished, *owner)
    os.replace(unfinished, file)


def main() -> int:
    """Say which files were made, never what is in them."""
    made = make(Path(sys.argv[1]))
    print(f"made {', '.join(made)}" if made else "all secrets are there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
