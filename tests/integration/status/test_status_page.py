"""The status page in a browser: what it shows, what it may load, what it says at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from playwright.async_api import Page, async_playwright
from prometheus_client import CollectorRegistry, Gauge

from services.ingest.metrics import IngestMetrics
from services.runtime import http, status
from services.runtime.http import Check, HttpServer
from tests.engines import chromium

PHONE_WIDTH = 320


async def works() -> None:
    return


async def away() -> None:
    raise ConnectionError("the database <b>is away</b>")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(status, "LOOK_EVERY_S", 0.05)


@asynccontextmanager
async def browser(path: str) -> AsyncIterator[Page]:
    """A page that fails the test if it complains or asks anyone but our own address."""
    complaints: list[str] = []
    hosts: set[str] = set()
    async with async_playwright() as playwright:
        program = await playwright.chromium.launch(
            executable_path=path, args=list(chromium.ARGUMENTS)
        )
        page = await program.new_page(viewport={"width": PHONE_WIDTH, "height": 700})
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        yield page
        await program.close()
    # What a browser says of a server that is gone or not ready is no complaint of the page.
    assert [said for said in complaints if "Failed to load resource" not in said] == []
    assert len(hosts) == 1


def serve(registry: CollectorRegistry, checks: dict[str, Check]) -> HttpServer:
    return HttpServer("127.0.0.1", 0, checks, registry)


def address(server: HttpServer) -> str:
    return "http://{}:{}/".format(*server.address)


async def test_the_page_shows_figures_and_sparklines_that_move(chromium_path: str) -> None:
    registry = CollectorRegistry()
    metrics = IngestMetrics(registry)
    metrics.count_rejects({"bad_field": 1234})
    async with (
        serve(registry, {"log": works}) as server,
        browser(chromium_path) as page,
    ):
        await page.goto(address(server))
        await page.wait_for_selector("#state.good")
        rejects = page.locator("[data-key='dipper_rejects_total/bad_field'] .figure")
        assert "1,234 total" in await rejects.inner_text()
        await page.wait_for_selector("[data-key='dipper_connections'] polyline", state="attached")
        metrics.connections.set(77)
        connections = page.locator("[data-key='dipper_connections'] .figure", has_text="77")
        await connections.wait_for()
        assert await page.evaluate("document.documentElement.scrollWidth") == PHONE_WIDTH


async def test_the_page_names_what_is_away_and_shows_no_markup_of_others(
    chromium_path: str,
) -> None:
    registry = CollectorRegistry()
    Gauge("dipper_lag_records", "lag", ["service", "topic"], registry=registry).labels(
        "store", "<img src=x onerror=alert(1)>"
    ).set(1)
    async with (
        serve(registry, {"database": away}) as server,
        browser(chromium_path) as page,
    ):
        await page.goto(address(server))
        said = await page.locator("#state.bad").inner_text()
        assert said == "not ready: database: the database <b>is away</b>"
        assert "<img src=x" in await page.locator(".label").first.inner_text()
        assert await page.locator("img").count() == 0


async def test_the_page_says_since_when_the_service_is_gone_and_recovers(
    chromium_path: str,
) -> None:
    async with browser(chromium_path) as page:
        async with serve(CollectorRegistry(), {"log": works}) as server:
            await page.goto(address(server))
            await page.wait_for_selector("#state.good")
            place = server.address
        await page.wait_for_selector("body.stale")
        assert "stale since" in await page.locator("#state").inner_text()
        async with HttpServer(*place, {"log": works}, CollectorRegistry()):
            await page.wait_for_selector("#state.good")
            assert await page.locator("body.stale").count() == 0


async def test_the_policy_allows_nothing_from_elsewhere_and_nothing_unnamed() -> None:
    async with (
        serve(CollectorRegistry(), {}) as server,
        aiohttp.ClientSession() as session,
        session.get(address(server)) as answer,
    ):
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text
    assert "style=" not in text
