"""The engines as fixtures of the test session.

In this order: an address in the environment, Docker, the machine's own means. A test that needs
an engine which can't be had is skipped with the reason, or fails if DIPPER_TEST_ENGINES is
``required``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

from tests.engines import chromium, docker, kafka, pglite, timescaledb
from tests.engines.found import NotAvailableError, free_ports


def without(engine: str, error: NotAvailableError) -> NoReturn:
    """Skip, or fail where engines are required."""
    said = f"NO {engine.upper()}: {error}"
    if os.environ.get("DIPPER_TEST_ENGINES") == "required":
        pytest.fail(said, pytrace=False)
    pytest.skip(said)


@pytest.fixture(scope="session")
def kafka_address() -> Iterator[str]:
    """Bootstrap servers of a Kafka 4 that lives as long as the test session."""
    if given := os.environ.get("DIPPER_TEST_KAFKA"):
        yield given
    elif docker.works():
        yield from _kafka_container()
    else:
        try:
            cluster = kafka.start_cluster()
        except NotAvailableError as error:
            without("Kafka", error)
        yield cluster.bootstrap_servers
        cluster.stop()


@pytest.fixture(scope="session")
def timescaledb_dsn() -> Iterator[str]:
    """DSN of a superuser on a TimescaleDB that lives as long as the test session."""
    if given := os.environ.get("DIPPER_TEST_DSN"):
        yield given
    elif docker.works():
        yield from _timescaledb_container()
    else:
        try:
            server = timescaledb.start_server()
        except NotAvailableError as error:
            without("TimescaleDB", error)
        yield server.dsn
        server.remove()


@pytest.fixture
def kafka_cluster() -> Iterator[kafka.Cluster]:
    """One broker of the test's own, which it may stop, kill and freeze."""
    try:
        cluster = kafka.start_cluster()
    except NotAvailableError as error:
        without("Kafka", error)
    yield cluster
    cluster.stop()


@pytest.fixture
def timescaledb_server() -> Iterator[timescaledb.Server]:
    """A database server of the test's own, which it may stop and kill."""
    try:
        server = timescaledb.start_server()
    except NotAvailableError as error:
        without("TimescaleDB", error)
    yield server
    server.remove()


@pytest.fixture
def community_server() -> Iterator[pglite.Server]:
    """TimescaleDB's community edition, a database of the test's own."""
    try:
        server = pglite.start_server()
    except NotAvailableError as error:
        without("TimescaleDB community", error)
    yield server
    server.remove()


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The program of a browser."""
    try:
        return chromium.find()
    except NotAvailableError as error:
        without("Chromium", error)


def _kafka_container() -> Iterator[str]:
    (port,) = free_ports(1)
    try:
        container = docker.start(docker.KAFKA_IMAGE, port, 9092, docker.kafka_environment(port))
    except NotAvailableError as error:
        without("Kafka", error)
    try:
        docker.wait_until_said(container, "Kafka Server started")
        yield f"127.0.0.1:{port}"
    finally:
        docker.stop(container)


def _timescaledb_container() -> Iterator[str]:
    (port,) = free_ports(1)
    settings = {"POSTGRES_HOST_AUTH_METHOD": "trust"}
    try:
        container = docker.start(docker.TIMESCALEDB_IMAGE, port, 5432, settings)
    except NotAvailableError as error:
        without("TimescaleDB", error)
    try:
        # Once while the image sets the database up, once for good.
        docker.wait_until_said(container, "ready to accept connections", times=2)
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        docker.stop(container)
