"""A real Prometheus with the configuration of deploy/prometheus, made quick."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from deploy.monitoring.files import DASHBOARDS, RULES
from deploy.monitoring.panels import PROMETHEUS
from deploy.monitoring.rules_file import rules_yaml
from deploy.monitoring.timing import Timing
from tests.engines.prometheus import Prometheus

EVERY_S = 0.5
QUICK = Timing(
    recent=4, while_away=4, usual=20, soon=1, settled=2, later=2, slow=2, behind=2, stale=4
)
PATIENCE_S = 45.0


def start(server: Prometheus, addresses: Iterable[str]) -> None:
    """Start it on the committed configuration for one machine, with short durations."""
    configuration = (RULES.parent / "prometheus-local.yml").read_text()
    quick = configuration.replace("15s", f"{EVERY_S * 1000:.0f}ms")
    assert quick != configuration
    (server.home / "prometheus.yml").write_text(quick)
    (server.home / RULES.name).write_text(rules_yaml(QUICK, EVERY_S))
    targets = server.home / "targets"
    targets.mkdir()
    committed = (RULES.parent / "targets/up.yml").read_text()
    quoted = ", ".join(f'"{address}"' for address in addresses)
    (targets / "up.yml").write_text(committed.replace('"127.0.0.1:9110"', quoted))
    server.start()


class PanelQuery(NamedTuple):
    """A query of a panel, as Grafana would send it."""

    panel: str
    expr: str


def panel_queries() -> Iterator[PanelQuery]:
    """All queries of all committed dashboards that ask Prometheus."""
    for file in sorted(DASHBOARDS.glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            if panel["type"] != "row" and panel["datasource"] == PROMETHEUS:
                for target in panel["targets"]:
                    expr = target["expr"].replace("$__rate_interval", f"{QUICK.recent:g}s")
                    yield PanelQuery(f"{file.stem}: {panel['title']}", expr)


async def has_data(server: Prometheus, query: PanelQuery) -> bool:
    """Whether the query gives a number at this moment."""
    found: Any = await asyncio.to_thread(server.get, "query", query=query.expr)
    return any(not math.isnan(float(series["value"][1])) for series in found["result"])


async def firing(server: Prometheus) -> dict[str, str]:
    """Names of the alerts that fire, with the description of one of each."""
    found: Any = await asyncio.to_thread(server.get, "alerts")
    return {
        alert["labels"]["alertname"]: alert["annotations"]["description"]
        for alert in found["alerts"]
        if alert["state"] == "firing"
    }


async def wait_until_firing(server: Prometheus, *names: str) -> None:
    """Wait until all of them fire at least once. Raises AssertionError with what does not."""
    missing = set(names)
    described: dict[str, str] = {}
    try:
        async with asyncio.timeout(PATIENCE_S):
            while missing:
                now = await firing(server)
                described |= now
                missing -= now.keys()
                await asyncio.sleep(EVERY_S / 2)
    except TimeoutError:
        raise AssertionError(f"not fired: {sorted(missing)}; fired: {described}") from None
    for name in names:
        assert not re.search(r"<error|<no value>|\{\{", described[name]), described[name]
