"""Terminals over TLS, on a real socket and both loops."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from services.ingest.door import Door
from services.ingest.metrics import IngestMetrics
from services.ingest.registry import Registry
from services.ingest.server import IngestError, IngestServer
from services.ingest.settings import IngestSettings, TlsListener
from services.ingest.throttle import Throttle
from services.runtime.audit import Audit
from services.runtime.tls import ClientCertificates, TlsFiles, client_context
from services.terminals.records import Terminal
from services.terminals.tokens import hash_token
from services.tools.replay import ReplayError, ReplayOptions, replay
from tests.certificates import Authority
from tests.integration.ingest.client import Client, connect, ingest, settings
from tests.unit.ingest.lines import ACK_ON, epoch, login, stream
from tests.unit.ingest.logs import TroubledLog, fixes, last_tally, rejects

LISTED = [Terminal("TRUCK-1", token=hash_token("secret", b"s" * 16)), Terminal("TRUCK-2")]
LONG = stream(60) * 60
"""Some 500 kB in 7,200 lines: many records of TLS and many reads."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def encrypted(authority: Authority, clients: ClientCertificates = "none") -> IngestSettings:
    ca = None if clients == "none" else authority.file
    listener = TlsListener("127.0.0.1", 0, TlsFiles(*authority.server(), ca, clients))
    return settings(None, tls=listener)


@asynccontextmanager
async def guarded(
    log: TroubledLog, wanted: IngestSettings
) -> AsyncIterator[tuple[IngestServer, CollectorRegistry]]:
    """A server with a list of terminals."""
    judge, samples = Registry(), CollectorRegistry()
    judge.replace(LISTED)
    door = Door(judge, Throttle(10), IngestMetrics(samples), Audit())
    async with ingest(log, wanted, door) as server:
        yield server, samples


@asynccontextmanager
async def connect_encrypted(server: IngestServer, context: ssl.SSLContext) -> AsyncIterator[Client]:
    assert server.tls_address is not None
    host, port = server.tls_address
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


async def test_over_tls_the_log_gets_what_it_gets_without(
    log: TroubledLog, authority: Authority
) -> None:
    async with ingest(log, encrypted(authority)) as server:
        async with connect_encrypted(server, client_context(authority.file)) as client:
            await client.send(login("SAFE-1") + ACK_ON + LONG)
            await client.acknowledged(7_200)
        async with connect(server) as plain:
            await plain.send_all(login("OPEN-1") + ACK_ON + LONG)
    found = await fixes(log)
    times = [
        [fix.time_us for fix in found if fix.terminal == name] for name in ("SAFE-1", "OPEN-1")
    ]
    assert times[0] == times[1]
    assert len(times[0]) == 3_600
    tally = await last_tally(log, "run")
    assert tally.lines_read - tally.lines_pending == 2 * (2 + 7_200)


async def test_a_farewell_makes_the_last_epoch_durable(
    log: TroubledLog, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    async with ingest(log, encrypted(authority)) as server:
        async with connect_encrypted(server, client_context(authority.file)) as client:
            await client.send(login("SAFE-1") + epoch(0))
            assert await client.reader.readline() == b"$PDPR,OK*3E\r\n"
        await client.writer.wait_closed()
        await log.written("telematics.fix.v1", 1)
    assert [fix.lines for fix in await fixes(log)] == [2]
    assert "eof_received" not in caplog.text


async def test_a_port_with_tls_alone_is_the_servers_address(
    log: TroubledLog, authority: Authority
) -> None:
    wanted = encrypted(authority)
    alone = settings(None, tls=wanted.tls, plaintext=False)
    async with ingest(log, alone) as server:
        assert server.address == server.tls_address


async def test_a_plaintext_client_gets_nowhere_on_the_port_with_tls(
    log: TroubledLog, authority: Authority
) -> None:
    async with ingest(log, encrypted(authority)) as server:
        assert server.tls_address is not None
        reader, writer = await asyncio.open_connection(*server.tls_address)
        client = Client(reader, writer)
        await client.send(login("OPEN-1") + stream(3))
        assert b"PDPR" not in await reader.read()
        writer.close()
    assert await fixes(log) == []
    assert await rejects(log) == []


async def test_a_handshake_that_does_not_come_is_given_up_and_disturbs_nobody(
    log: TroubledLog, authority: Authority
) -> None:
    wanted = encrypted(authority)
    impatient = replace(wanted, limits=replace(wanted.limits, tls_handshake_s=0.2))
    async with ingest(log, impatient) as server:
        assert server.tls_address is not None
        silent, writer = await asyncio.open_connection(*server.tls_address)
        async with connect_encrypted(server, client_context(authority.file)) as client:
            await client.send(login("SAFE-1") + ACK_ON + stream(3))
            await client.acknowledged(6)
            assert await silent.read() == b""
        writer.close()


@pytest.mark.parametrize(("of_an_address", "of_all"), [(2, 100), (100, 2)])
async def test_handshakes_count_as_connections_from_their_beginning_to_their_end(
    log: TroubledLog, authority: Authority, of_an_address: int, of_all: int
) -> None:
    wanted = encrypted(authority)
    limits = replace(wanted.limits, tls_handshake_s=0.5, unidentified_per_address=of_an_address)
    context = client_context(authority.file)
    async with ingest(log, replace(wanted, limits=limits, max_connections=of_all)) as server:
        assert server.tls_address is not None
        silent = [await asyncio.open_connection(*server.tls_address) for _ in range(2)]
        with pytest.raises(OSError):  # noqa: PT011 (reset, or ended in the handshake)
            async with connect_encrypted(server, context):
                pass
        for reader, writer in silent:
            assert await reader.read() == b""
            writer.close()
        for _ in range(5):
            async with connect_encrypted(server, context) as client:
                await client.send(login("SAFE-1") + ACK_ON + stream(3))
                await client.acknowledged(6)
            await client.writer.wait_closed()


async def test_a_stop_waits_for_no_handshake(log: TroubledLog, authority: Authority) -> None:
    async with ingest(log, encrypted(authority)) as server:
        assert server.tls_address is not None
        reader, writer = await asyncio.open_connection(*server.tls_address)
        async with connect_encrypted(server, client_context(authority.file)):
            pass
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize("clients", ["optional", "required"])
async def test_the_certificates_common_name_is_the_terminal(
    log: TroubledLog, authority: Authority, clients: ClientCertificates
) -> None:
    context = client_context(authority.file, *authority.terminal("TRUCK-1"))
    async with guarded(log, encrypted(authority, clients)) as (server, samples):
        async with connect_encrypted(server, context) as client:
            await client.send(ACK_ON + stream(3))
            await client.acknowledged(5)
        name, labels = "dipper_logins_total", {"way": "certificate", "outcome": "accepted"}
        assert samples.get_sample_value(name, labels) == 1
    assert {fix.terminal for fix in await fixes(log)} == {"TRUCK-1"}


async def test_without_a_certificate_the_token_does_where_certificates_are_optional(
    log: TroubledLog, authority: Authority
) -> None:
    async with (
        guarded(log, encrypted(authority, "optional")) as (server, _),
        connect_encrypted(server, client_context(authority.file)) as client,
    ):
        await client.send(login("TRUCK-1", "secret"))
        assert await client.reader.readline() == b"$PDPR,OK*3E\r\n"


@pytest.mark.parametrize("stranger", [False, True], ids=["none", "another authority's"])
async def test_where_a_certificate_is_required_nobody_comes_in_without_a_good_one(
    log: TroubledLog, authority: Authority, tmp_path: Path, stranger: bool
) -> None:
    pair = Authority(tmp_path).terminal("TRUCK-1") if stranger else ()
    context = client_context(authority.file, *pair)

    async def answer(server: IngestServer) -> bytes:
        try:
            async with connect_encrypted(server, context) as client:
                await client.send(login("TRUCK-1", "secret") + stream(3))
                # In TLS 1.3 a client hears of it with its first read.
                return await client.reader.read()
        except (ssl.SSLError, ConnectionError):
            return b""

    async with guarded(log, encrypted(authority, "required")) as (server, _):
        assert await answer(server) == b""
    assert await fixes(log) == []


async def test_a_certificate_of_a_terminal_that_is_not_on_the_list_opens_nothing(
    log: TroubledLog, authority: Authority
) -> None:
    context = client_context(authority.file, *authority.terminal("GHOST-1"))
    async with (
        guarded(log, encrypted(authority, "required")) as (server, _),
        connect_encrypted(server, context) as client,
    ):
        await client.send(stream(3) + login("TRUCK-1", "secret"))
        assert (await client.reader.read()).startswith(b"$PDPR,NO,refused*")
    assert await fixes(log) == []
    assert {reject.terminal for reject in await rejects(log)} <= {"GHOST-1", None}


async def test_the_newest_connection_that_proves_itself_wins_and_the_older_is_told(
    log: TroubledLog, authority: Authority
) -> None:
    context = client_context(authority.file, *authority.terminal("TRUCK-1"))
    async with (
        guarded(log, encrypted(authority, "optional")) as (server, samples),
        connect(server) as old,
    ):
        await old.send(login("TRUCK-1", "secret") + ACK_ON + epoch(0))
        assert await old.reader.readline() == b"$PDPR,OK*3E\r\n"
        async with connect_encrypted(server, context) as new:
            assert (await old.reader.read()).splitlines()[-1].startswith(b"$PDPR,")
            await new.send(ACK_ON + epoch(0) + epoch(1))
            await new.acknowledged(4)
        assert samples.get_sample_value("dipper_connections_displaced_total") == 1
    assert [fix.lines for fix in await fixes(log)] == [2, 2]


@pytest.fixture
def capture(tmp_path: Path) -> str:
    file = tmp_path / "capture.nmea"
    file.write_bytes(LONG)
    return str(file)


@pytest.mark.parametrize("ack", [False, True])
async def test_replay_speaks_tls_with_a_certificate_of_its_own(
    log: TroubledLog, authority: Authority, capture: str, ack: bool
) -> None:
    pair = authority.terminal("TRUCK-1")
    async with guarded(log, encrypted(authority, "required")) as (server, _):
        assert server.tls_address is not None
        options = ReplayOptions(
            (capture,),
            "tls://{}:{}".format(*server.tls_address),
            terminal="TRUCK-1",
            speed=None,
            ack=ack,
            ca=authority.file,
            cert=pair.certificate,
            key=pair.key,
        )
        result = await replay(options)
        assert result.lines == 7_200
    assert len(await fixes(log)) == 3_600


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ca": None}, r"certificate is not believed: .*--ca"),
        ({"cert": None, "key": None}, r"--cert names the file"),
        ({"cert": "/none"}, "/none"),
        ({"to": "tcp://127.0.0.1"}, "--ca, --cert and --key are for tls://HOST:PORT"),
    ],
)
async def test_replay_tells_what_is_wrong_with_tls_and_does_not_try_on(
    log: TroubledLog,
    authority: Authority,
    capture: str,
    change: dict[str, str | None],
    said: str,
) -> None:
    pair = authority.terminal("TRUCK-1")
    async with guarded(log, encrypted(authority, "required")) as (server, _):
        assert server.tls_address is not None
        given = {
            "to": "tls://{}:{}".format(*server.tls_address),
            "ca": authority.file,
            "cert": pair.certificate,
            "key": pair.key,
            **change,
        }
        options = ReplayOptions((capture,), terminal="TRUCK-1", ack=True, **given)  # type: ignore[arg-type]
        with pytest.raises(ReplayError, match=said):
            await replay(options)


async def test_a_port_in_use_is_named_with_its_setting(
    log: TroubledLog, authority: Authority
) -> None:
    wanted = encrypted(authority)
    assert wanted.tls is not None
    async with ingest(log, wanted) as server:
        assert server.tls_address is not None
        taken = TlsListener("127.0.0.1", server.tls_address[1], wanted.tls.files)
        second = IngestServer(
            settings(None, tls=taken), log, IngestMetrics(CollectorRegistry()), "second"
        )
        with pytest.raises(IngestError, match=r"in use .* DIPPER_INGEST_TLS_PORT"):
            await second.__aenter__()
