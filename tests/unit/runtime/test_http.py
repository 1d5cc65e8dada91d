"""The HTTP port of a service."""

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from services.runtime.http import HttpError, HttpServer


async def fails() -> None:
    raise ConnectionError("database is away")


async def works() -> None:
    return


async def get(server: HttpServer, path: str) -> tuple[int, str]:
    host, port = server.address
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{host}:{port}{path}") as answer,
    ):
        return answer.status, await answer.text()


async def test_readyz_is_503_and_names_what_does_not_answer() -> None:
    async with HttpServer(
        "127.0.0.1", 0, {"log": works, "database": fails}, CollectorRegistry()
    ) as server:
        status, text = await get(server, "/readyz")
        assert status == 503
        assert '"log": "ok"' in text
        assert "database is away" in text
        assert (await get(server, "/healthz"))[0] == 200


async def test_readyz_is_200_when_everything_answers() -> None:
    async with HttpServer("127.0.0.1", 0, {"log": works}, CollectorRegistry()) as server:
        assert (await get(server, "/readyz"))[0] == 200


async def test_metrics_are_in_prometheus_form() -> None:
    registry = CollectorRegistry()
    Counter("dipper_example_total", "An example", registry=registry).inc(3)
    async with HttpServer("127.0.0.1", 0, {}, registry) as server:
        status, text = await get(server, "/metrics")
    assert status == 200
    assert "# HELP dipper_example_total An example\n" in text
    assert "dipper_example_total 3.0" in text


async def test_a_port_in_use_is_one_sentence_with_the_remedy() -> None:
    async with HttpServer("127.0.0.1", 0, {}, CollectorRegistry()) as first:
        with pytest.raises(HttpError, match=rf"{first.address[1]}.*--http-port"):
            async with HttpServer(*first.address, {}, CollectorRegistry()):
                pass
