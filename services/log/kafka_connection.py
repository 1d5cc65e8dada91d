"""How Dipper connects to Kafka, and what Kafka's errors mean in plain words."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, TypeVar

from aiokafka import errors
from aiokafka.conn import create_conn

from services.log import kafka_send
from services.log.base import LogError, LogUnavailableError
from services.runtime.cancellation import is_cancelled

Result = TypeVar("Result")

kafka_send.install()

REFUSED = (
    errors.AuthenticationFailedError,
    errors.SaslAuthenticationFailed,
    errors.TopicAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.IllegalSaslStateError,
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.InvalidTopicError,
    errors.InvalidReplicationFactorError,
    errors.PolicyViolationError,
    errors.UnsupportedVersionError,
)
"""Errors that the same call will meet again until somebody changes a setting or a right."""


class KafkaSecurity(NamedTuple):
    """How to prove who we are; the defaults fit a broker without authentication.

    Files are PEM paths. ``mechanism`` is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
    """

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None


class KafkaTimeouts(NamedTuple):
    """Limits in seconds: aiokafka's own calls can wait for ever."""

    request: float = 15.0
    start: float = 30.0
    stop: float = 10.0
    delivery: float = 60.0
    """How long an append goes on trying."""
    session: float = 8.0
    """A member that is silent for so long loses its partitions. Kafka's brokers allow no less than
    6 s by default; with the rebalance that follows, work has moved within 15 s."""
    stall: float = 30.0
    """A consumer that gets nothing for so long is checked, and made anew if it is stuck."""


class KafkaConnection:
    """Addresses, credentials and limits that all clients of one log share."""

    def __init__(
        self,
        bootstrap_servers: str,
        security: KafkaSecurity,
        timeouts: KafkaTimeouts,
        client_id: str,
    ) -> None:
        self.servers = bootstrap_servers
        self.security = security
        self.timeouts = timeouts
        self.client_id = client_id
        self._ssl: ssl.SSLContext | None = None

    def settings(self) -> dict[str, Any]:
        """The arguments that every aiokafka client takes. Raises LogError for bad TLS files."""
        return {
            "bootstrap_servers": self.servers,
            "client_id": self.client_id,
            "request_timeout_ms": int(self.timeouts.request * 1000),
            **self._credentials(),
        }

    async def limited(self, call: Awaitable[Result], seconds: float, what: str) -> Result:
        """The result within a time limit, errors in plain words.

        Raises LogUnavailableError when Kafka is away or time is up, LogError when it refuses.
        """
        with self.plain_words(what):
            async with asyncio.timeout(seconds):
                return await call

    @contextmanager
    def plain_words(self, what: str) -> Iterator[None]:
        """Turn errors of Kafka and of time into LogError and LogUnavailableError."""
        try:
            yield
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            raise LogUnavailableError(
                f"Kafka's client at {self.servers} ended in the middle of it ({what})"
            ) from error
        except TimeoutError as error:
            raise LogUnavailableError(
                f"Kafka at {self.servers} did not answer in time ({what})"
            ) from error
        except (errors.KafkaError, OSError) as error:
            raise self.explain(error, what) from error

    def lacks(self, rights: Sequence[str]) -> LogError:
        """What to say when Kafka does not give us rights such as ``Write on topic NAME``."""
        user = self.security.username
        return LogError(
            f"Kafka at {self.servers} does not give "
            f"{'this client' if user is None else f'the user {user}'} "
            f"these rights: {', '.join(rights)}; they are given with kafka-acls.sh"
        )

    def explain(self, error: Exception, what: str) -> LogError:
        """The error as one sentence, of the class that says whether trying again helps."""
        if isinstance(error, errors.GroupAuthorizationFailedError):
            return self.lacks([f"Read on group {error.args[0] if error.args else '?'}"])
        if isinstance(error, REFUSED):
            return LogError(f"Kafka at {self.servers} refuses ({what}): {_name(error)}")
        return LogUnavailableError(
            f"Kafka at {self.servers} can't do it now ({what}): {_name(error)}"
        )

    async def start(
        self, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]], what: str
    ) -> None:
        """Start a client within the time limit; one that fails is stopped again."""
        try:
            await self.limited(start(), self.timeouts.start, what)
        except BaseException as error:
            await self.stop(stop)
            if isinstance(error, LogUnavailableError):
                await self._check_credentials()
            raise

    async def stop(self, stop: Callable[[], Awaitable[None]]) -> bool:
        """Stop a client within the time limit; False if it did not stop by itself."""
        try:
            async with asyncio.timeout(self.timeouts.stop):
                await stop()
        except (TimeoutError, errors.KafkaError, OSError):
            return False
        except asyncio.CancelledError:
            # aiokafka waits for tasks that it has cancelled itself, and passes their end on.
            if is_cancelled():
                raise
            return False
        return True

    async def _check_credentials(self) -> None:
        """aiokafka says that a broker is away when it is the password that is wrong: ask a
        broker directly. Raises LogError if it refuses."""
        for address in self.servers.split(","):
            host, _, port = address.strip().rpartition(":")
            try:
                connection = await create_conn(
                    host,
                    int(port),
                    request_timeout_ms=int(self.timeouts.request * 1000),
                    **self._credentials(),
                )
            except REFUSED as error:
                raise self.explain(error, "logging in") from error
            except ssl.SSLError as error:
                raise LogError(f"no TLS with Kafka at {self.servers}: {error}") from error
            except (errors.KafkaError, OSError, ValueError, TimeoutError):
                continue
            connection.close()

    def _credentials(self) -> dict[str, Any]:
        security = self.security
        return {
            "security_protocol": security.protocol,
            "ssl_context": self._ssl_context(),
            "sasl_mechanism": security.mechanism,
            "sasl_plain_username": security.username,
            "sasl_plain_password": security.password,
        }

    def _ssl_context(self) -> ssl.SSLContext | None:
        security = self.security
        if security.protocol not in ("SSL", "SASL_SSL"):
            return None
        if self._ssl is None:
            try:
                self._ssl = ssl.create_default_context(cafile=security.ca_file)
                if security.certificate_file is not None:
                    self._ssl.load_cert_chain(security.certificate_file, security.key_file)
            except (OSError, ssl.SSLError) as error:
                raise LogError(f"the TLS files for Kafka can't be used: {error}") from error
        return self._ssl


def _name(error: Exception) -> str:
    kind, said = type(error).__name__, str(error)
    if not said or said.startswith(kind):
        return said or kind
    return f"{kind}: {said}"
