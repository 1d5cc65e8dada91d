"""Certificates of an authority that lives as long as a test."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import trustme
from cryptography.hazmat.primitives import serialization


class Pair(NamedTuple):
    """PEM files."""

    certificate: str
    key: str


class Authority:
    """Vouches for servers on this machine and for terminals; its files are in ``directory``."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._made = trustme.CA()
        self.file = str(directory / "authority.pem")
        self._made.cert_pem.write_to_path(self.file)

    def server(self, name: str = "server", host: str = "127.0.0.1") -> Pair:
        """For a server on ``host``."""
        return self._write(name, self._made.issue_cert(host))

    def terminal(self, common_name: str) -> Pair:
        """For a terminal (or any other client) of this name."""
        issued = self._made.issue_cert("terminal@dipper.example", common_name=common_name)
        return self._write(common_name, issued)

    def _write(self, name: str, issued: trustme.LeafCert) -> Pair:
        pair = Pair(str(self._directory / f"{name}.pem"), str(self._directory / f"{name}.key"))
        chain = b"".join(each.bytes() for each in issued.cert_chain_pems)
        Path(pair.certificate).write_bytes(chain)
        key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
        # The one form that Kafka reads.
        Path(pair.key).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return pair
