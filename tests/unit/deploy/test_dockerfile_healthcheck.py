"""The image's healthcheck says what the HTTP port says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tests.engines.found import free_ports
from tests.unit.deploy.settings_of import DEPLOY

PROGRAM = DEPLOY / "docker/healthcheck.py"


class Service(BaseHTTPRequestHandler):
    """Alive, but not ready."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    """Where the service answers."""
    server = HTTPServer(("127.0.0.1", 0), Service)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def check(port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROGRAM), *arguments],
        env={**os.environ, "DIPPER_HTTP_PORT": str(port), "http_proxy": "http://127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("path", "code"), [([], 0), (["/healthz"], 0), (["/readyz"], 1)])
def test_the_exit_code_follows_the_status(port: int, path: list[str], code: int) -> None:
    assert check(port, *path).returncode == code


def test_what_it_got_instead_is_told(port: int) -> None:
    assert check(port, "/readyz").stderr == "/readyz: HTTP 503\n"


def test_a_service_that_does_not_answer_is_not_well() -> None:
    (unused,) = free_ports(1)
    done = check(unused)
    assert done.returncode == 1
    assert done.stderr.startswith("/healthz: ")
