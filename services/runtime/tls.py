"""TLS 1.2 and later: contexts from PEM files, and certificates that are renewed while in use."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from services.runtime.errors import StartError

logger = logging.getLogger(__name__)

SHUTDOWN_S = 2.0
"""How long a close waits for the peer's farewell."""
RELOAD_EVERY_S = 10.0

ClientCertificates = Literal["none", "optional", "required"]


class TlsFiles(NamedTuple):
    """What a TLS listener needs: paths of PEM files."""

    certificate: str
    """Its own, with the chain up to the authority."""
    key: str
    client_ca: str | None = None
    """The authorities that vouch for clients."""
    client_certificates: ClientCertificates = "none"


class TlsError(StartError):
    """Files that can't be used for TLS; the text names them and says what helps."""


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """The context of a listener. Raises TlsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # The one tells secrets by the length, the other makes the server work at a client's will.
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    _load(context, files)
    if files.client_certificates != "none":
        required = files.client_certificates == "required"
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


def client_context(
    ca: str | None = None, certificate: str | None = None, key: str | None = None
) -> ssl.SSLContext:
    """The context of a client that believes ``ca`` (or the system's authorities) and shows its own
    certificate if it has one. Raises TlsError."""
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise TlsError(f"{ca} holds no certificates in PEM: {_said(error)}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        _load_pair(context, certificate, key)
    return context


class Renewal:
    """Takes over certificates whose files were renewed, for the handshakes to come.

    What an authority's file no longer holds is believed until the process starts again.
    """

    def __init__(self, context: ssl.SSLContext, files: TlsFiles) -> None:
        self._context = context
        self._files = files
        self._seen = self._look()

    def check(self) -> bool:
        """Look at the files; true if others are in use from now on.

        Files that can't be used, or don't belong together, leave things as they are: the next
        look may find the renewal complete.
        """
        now = self._look()
        if now == self._seen:
            return False
        try:
            # A context takes a certificate before it finds that the key is another's.
            server_context(self._files)
            _load(self._context, self._files)
        except TlsError as error:
            logger.warning("the renewed TLS files are not used: %s", error)
            return False
        self._seen = now
        logger.info("the TLS certificate was read again")
        return True

    async def run(self) -> None:
        """Check at intervals, until cancelled."""
        while True:
            await asyncio.sleep(RELOAD_EVERY_S)
            self.check()

    def _look(self) -> Sequence[tuple[int, int, int] | None]:
        files = (self._files.certificate, self._files.key, self._files.client_ca)
        return [_state(file) for file in files]


def common_name(transport: asyncio.BaseTransport) -> str | None:
    """The common name of the certificate that the peer has shown; None if it has shown none, or
    one with no single common name."""
    certificate = transport.get_extra_info("peercert")
    if not certificate:
        return None
    names = [
        value
        for part in certificate.get("subject", ())
        for kind, value in part
        if kind == "commonName"
    ]
    return names[0] if len(names) == 1 else None


def _load(context: ssl.SSLContext, files: TlsFiles) -> None:
    _load_pair(context, files.certificate, files.key)
    if files.client_ca is not None:
        try:
            context.load_verify_locations(files.client_ca)
        except (OSError, ssl.SSLError) as error:
            raise TlsError(
                f"{files.client_ca} holds no certificates in PEM: {_said(error)}"
            ) from error


def _load_pair(context: ssl.SSLContext, certificate: str, key: str | None) -> None:
    try:
        # An empty password instead of a question at the terminal.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ssl.SSLError) as error:
        pair = certificate if key is None else f"{certificate} and {key}"
        raise TlsError(
            f"{pair} are no certificate and its key in PEM, without a password: {_said(error)}"
        ) from error


def _state(file: str | None) -> tuple[int, int, int] | None:
    if file is None:
        return None
    try:
        found = Path(file).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    return getattr(error, "strerror", None) or str(error)
