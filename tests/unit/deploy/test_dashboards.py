"""The dashboards' JSON, as Grafana will read it."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.monitoring.files import DASHBOARDS

PROVISIONING = DASHBOARDS.parent / "provisioning"
FILES = sorted(DASHBOARDS.glob("*.json"))
KINDS = {"timeseries", "stat", "heatmap", "table", "geomap"}
UNITS = {
    "short", "none", "ops", "s", "bytes", "percentunit", "lengthm", "velocitykmh",
}  # fmt: skip
"""Of Grafana's units those that are used: it shows an unknown one as text behind the number."""
COLUMNS = 24


def load(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(file.read_text())
    return loaded


def panels_of(file: Path) -> Iterator[dict[str, Any]]:
    return (panel for panel in load(file)["panels"] if panel["type"] != "row")


PANELS = [
    pytest.param(panel, id=f"{file.stem}: {panel['title']}")
    for file in FILES
    for panel in panels_of(file)
]


def sources() -> dict[str, str]:
    """Uid → type of the data sources that are provisioned."""
    text = (PROVISIONING / "datasources/dipper.yml").read_text()
    return dict(re.findall(r"^    uid: (\S+)\n    type: (\S+)$", text, re.MULTILINE))


def test_there_is_a_dashboard_for_each_question() -> None:
    assert [file.stem for file in FILES] == ["fleet", "pipeline", "store", "tracks", "zones"]


def test_dashboards_are_provisioned_from_where_they_are_put() -> None:
    provider = (PROVISIONING / "dashboards/dipper.yml").read_text()
    assert "path: /var/lib/grafana/dashboards" in provider
    assert (
        "dashboards:/var/lib/grafana/dashboards:ro"
        in (DASHBOARDS.parents[1] / "compose/compose.yaml").read_text()
    )


def test_uids_and_titles_are_different() -> None:
    boards = [load(file) for file in FILES]
    assert len({board["uid"] for board in boards}) == len(boards)
    assert len({board["title"] for board in boards}) == len(boards)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dashboard_has_what_grafana_asks_of_a_file(file: Path) -> None:
    board = load(file)
    assert re.fullmatch(r"dipper-[a-z]+", board["uid"])
    assert len(board["uid"]) <= 40
    assert board["schemaVersion"] >= 39
    assert board["time"]["to"] == "now"
    assert board["timezone"] == "utc"
    assert "id" not in board, "Grafana numbers dashboards itself"
    assert board["panels"][0]["type"] == "row"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_panels_have_numbers_and_places_of_their_own(file: Path) -> None:
    panels = load(file)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    titles = [panel["title"] for panel in panels if panel["type"] != "row"]
    assert len(set(titles)) == len(titles)
    places = [(panel["title"], panel["gridPos"]) for panel in panels]
    for _, place in places:
        assert place["w"] > 0
        assert place["h"] > 0
        assert 0 <= place["x"] <= COLUMNS - place["w"]
    for (one, a), (other, b) in itertools.combinations(places, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or above, f"{one} and {other} overlap"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_line_of_panels_leaves_a_hole(file: Path) -> None:
    """Rows of the same height fill the width: else Grafana shows a gap that looks like a fault."""
    widths: dict[int, int] = {}
    for panel in load(file)["panels"]:
        place = panel["gridPos"]
        widths[place["y"]] = widths.get(place["y"], 0) + place["w"]
    assert set(widths.values()) == {COLUMNS}


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_shows_in_units_that_grafana_knows(panel: dict[str, Any]) -> None:
    assert panel["type"] in KINDS
    assert panel["title"]
    assert panel["description"].endswith((".", "`"))
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"] in UNITS
    for override in panel["fieldConfig"]["overrides"]:
        assert {each["value"] for each in override["properties"]} <= UNITS
    steps = defaults.get("thresholds", {}).get("steps", [{"value": None}])
    assert steps[0]["value"] is None
    assert [step["value"] for step in steps[1:]] == sorted(step["value"] for step in steps[1:])


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_asks_a_data_source_that_is_provisioned(panel: dict[str, Any]) -> None:
    known = sources()
    assert len(known) == 2
    for asked in (panel, *panel["targets"]):
        assert known[asked["datasource"]["uid"]] == asked["datasource"]["type"]


@pytest.mark.parametrize("panel", PANELS)
def test_the_queries_of_a_panel_can_be_told_apart(panel: dict[str, Any]) -> None:
    targets = panel["targets"]
    assert len({target["refId"] for target in targets}) == len(targets)
    if "rawSql" in targets[0]:
        assert all(target["format"] in ("table", "time_series") for target in targets)
        return
    legends = [target["legendFormat"] for target in targets]
    assert len(set(legends)) == len(legends)
    for target in targets:
        named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        kept = {label for by in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in
                by.split(", ")}  # fmt: skip
        assert named <= kept | {"instance", "service", "topic"}, "a label that the query drops"


def test_every_variable_in_sql_is_one_that_grafana_or_the_dashboard_has() -> None:
    board = load(DASHBOARDS / "tracks.json")
    known = {variable["name"] for variable in board["templating"]["list"]}
    known |= {"__timeFilter", "__timeFrom", "__timeTo", "__interval_ms"}
    for panel in panels_of(DASHBOARDS / "tracks.json"):
        for target in panel["targets"]:
            assert set(re.findall(r"\$\{?(\w+)", target["rawSql"])) <= known
