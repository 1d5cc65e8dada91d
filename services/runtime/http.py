"""The HTTP port of a service: /metrics, /healthz, /readyz, and a status page at /."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from services.runtime.errors import StartError
from services.runtime.status import LOOK_EVERY_S, Status, page

CHECK_TIMEOUT_S = 2.0

Check = Callable[[], Awaitable[None]]
"""Returns when the thing answers; raises any exception, whose text is shown, when it does not."""


class HttpError(StartError):
    """The HTTP port can't be had."""


class HttpServer:
    """Serves the health of the process. Use as an async context manager.

    ``checks`` maps what the service needs (``log``, ``database``) to a check of it. ``address``
    holds host and port once started; port 0 asks for a free one.
    """

    def __init__(
        self, host: str, port: int, checks: Mapping[str, Check], registry: CollectorRegistry
    ) -> None:
        self.address = (host, port)
        self._checks = checks
        self._registry = registry
        self._status = Status(registry)
        self._page, self._policy = page()
        self._looking: asyncio.Task[None] | None = None
        app = web.Application()
        app.router.add_get("/", self._show)
        app.router.add_get("/status.json", self._figures)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)

    async def __aenter__(self) -> HttpServer:
        await self._runner.setup()
        host, port = self.address
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise HttpError(
                f"can't listen for HTTP on {host}:{port}: {error.strerror or error}. "
                "Choose another with --http-port or DIPPER_HTTP_PORT."
            ) from error
        self.address = self._runner.addresses[0][:2]
        self._looking = asyncio.create_task(self._look_on())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
        await self._runner.cleanup()

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._status.look()

    async def _show(self, _: web.Request) -> web.Response:
        headers = {
            "Content-Security-Policy": self._policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        return web.Response(text=self._page, content_type="text/html", headers=headers)

    async def _figures(self, _: web.Request) -> web.Response:
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return web.json_response(self._status.document(), headers=headers)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _readyz(self, _: web.Request) -> web.Response:
        answers = await asyncio.gather(*map(_problem, self._checks.values()))
        problems = dict(zip(self._checks, answers, strict=True))
        ready = not any(problems.values())
        return web.json_response(
            {
                "ready": ready,
                "checks": {name: problem or "ok" for name, problem in problems.items()},
            },
            status=200 if ready else 503,
        )


async def _problem(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check()
    except TimeoutError:
        return f"no answer in {CHECK_TIMEOUT_S:g} s"
    except Exception as error:  # noqa: BLE001 - whatever keeps it from answering is the answer
        return str(error) or type(error).__name__
    return None
