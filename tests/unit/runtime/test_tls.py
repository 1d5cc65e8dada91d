"""TLS contexts from files: what is refused, and how a renewed certificate comes into use."""

from __future__ import annotations

import os
import ssl
import warnings
from pathlib import Path

import pytest

from services.runtime.tls import Renewal, TlsError, TlsFiles, client_context, server_context
from tests.certificates import Authority, Pair


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "one")


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject:
    """Both ends in memory; returns the client's. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1"),
    ]
    done = [False, False]
    for _ in range(10):
        for index, end in enumerate(ends):
            try:
                end.do_handshake()
                done[index] = True
            except ssl.SSLWantReadError:
                continue
    assert all(done)
    return ends[1]


def files(authority: Authority, pair: Pair, clients: str = "none") -> TlsFiles:
    return TlsFiles(*pair, authority.file, clients)  # type: ignore[arg-type]


def test_a_client_that_believes_the_authority_gets_tls_1_2_at_least(authority: Authority) -> None:
    server = server_context(files(authority, authority.server()))
    assert handshake(server, client_context(authority.file)).version() in ("TLSv1.2", "TLSv1.3")


def test_tls_1_1_is_refused(authority: Authority) -> None:
    server = server_context(files(authority, authority.server()))
    old = client_context(authority.file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        handshake(server, old)


def test_a_certificate_of_another_authority_is_not_believed(
    authority: Authority, tmp_path: Path
) -> None:
    server = server_context(files(authority, authority.server()))
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server, client_context(Authority(tmp_path / "two").file))


@pytest.mark.parametrize("what", ["certificate", "key", "authority", "pair", "missing"])
def test_files_that_can_not_be_used_are_named(
    authority: Authority, tmp_path: Path, what: str
) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    certificate, key = authority.server()
    wrong, named = {
        "certificate": (TlsFiles(str(junk), key), "junk.pem"),
        "key": (TlsFiles(certificate, str(junk)), "junk.pem"),
        "authority": (TlsFiles(certificate, key, str(junk), "required"), "junk.pem"),
        "pair": (TlsFiles(certificate, authority.terminal("T-1").key), "T-1.key"),
        "missing": (TlsFiles(certificate, str(tmp_path / "none")), "none"),
    }[what]
    with pytest.raises(TlsError, match=named):
        server_context(wrong)


def test_a_key_with_a_password_is_told_and_asks_nobody(
    authority: Authority, tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives import serialization

    certificate, key = authority.server()
    made = serialization.load_pem_private_key(Path(key).read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        made.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"hush"),
        )
    )
    with pytest.raises(TlsError, match="without a password"):
        server_context(TlsFiles(certificate, str(locked)))


def serial(client: ssl.SSLObject) -> object:
    shown = client.getpeercert()
    assert shown is not None
    return shown["serialNumber"]


def renew(authority: Authority) -> Pair:
    """A new certificate in the old files, that the clock of the file system shows as new."""
    pair = authority.server()
    for file in pair:
        os.utime(file, ns=(1, 1))
    return pair


def test_a_renewed_certificate_is_shown_to_those_who_come_then(authority: Authority) -> None:
    wanted = files(authority, authority.server())
    context = server_context(wanted)
    renewal, client = Renewal(context, wanted), client_context(authority.file)
    before = serial(handshake(context, client))
    assert not renewal.check()
    renew(authority)
    assert serial(handshake(context, client)) == before
    assert renewal.check()
    assert serial(handshake(context, client)) != before
    assert not renewal.check()


def test_a_renewal_that_is_half_done_changes_nothing_until_it_is_complete(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = authority.server()
    wanted = files(authority, Pair(certificate, key))
    context = server_context(wanted)
    renewal, client = Renewal(context, wanted), client_context(authority.file)
    before = serial(handshake(context, client))
    old_key = Path(key).read_bytes()
    renew(authority)
    new_key = Path(key).read_bytes()
    Path(key).write_bytes(old_key)
    assert not renewal.check()
    assert "not used" in caplog.text
    assert serial(handshake(context, client)) == before
    Path(key).write_bytes(new_key)
    assert renewal.check()
    assert serial(handshake(context, client)) != before
