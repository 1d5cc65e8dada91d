"""Prometheus, promtool, and what goes with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines import prometheus
from tests.engines.fixtures import without
from tests.engines.found import NotAvailableError


@pytest.fixture(scope="session")
def promtool() -> Path:
    """The program that checks and tests rules."""
    try:
        return prometheus.promtool()
    except NotAvailableError as error:
        without("Prometheus", error)


@pytest.fixture
def prometheus_server() -> Iterator[prometheus.Prometheus]:
    """A server that has an empty home and is not started."""
    try:
        server = prometheus.new_server()
    except NotAvailableError as error:
        without("Prometheus", error)
    yield server
    server.remove()
