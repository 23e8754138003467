"""A real Prometheus scrapes a real API: every panel of the dashboard has data, and the rules are loaded."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from factories import World

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.operating.platforms import hold

from .api_harness import Served

DEPLOY = Path(__file__).parents[2] / "deploy"
PANELS = {
    (panel["title"], target["refId"]): target["expr"]
    for panel in json.loads((DEPLOY / "grafana/impact-in.json").read_text())["panels"]
    for target in panel["targets"]
}
_WITHIN_S = 90.0
pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None,
    reason="no prometheus here: the dashboard was not read (apt-get install prometheus)",
)


class Prometheus:
    """One that is running."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, path: str, **parameters: str) -> Any:
        answer = requests.get(f"{self._url}/api/v1/{path}", params=parameters, timeout=10)
        return answer.json()["data"]

    def values(self, query: str) -> list[float]:
        """What a panel's query finds now, without what isn't a number."""
        for name, value in {"$__rate_interval": "1m", "$platform": ".*"}.items():
            query = query.replace(name, value)
        found = [float(one["value"][1]) for one in self.ask("query", query=query)["result"]]
        return [value for value in found if value == value]


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[Prometheus]:
    """Our configuration, with this target, scraped each second; a free port on the loopback."""
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    shutil.copy(DEPLOY / "prometheus/alerts.yml", folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--web.listen-address={address}",
    ]
    command += [f"--storage.tsdb.path={folder}/data", "--log.level=error"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield Prometheus(f"http://{address}")
        finally:
            process.terminate()


def _until(what: Any) -> Any:
    """What `what()` returns once that isn't empty; requests that fail count as empty."""
    until = time.monotonic() + _WITHIN_S
    while True:
        try:
            found = what()
        except (requests.RequestException, KeyError, ValueError):
            found = None
        if found or time.monotonic() > until:
            return found
        time.sleep(0.25)


def _a_busy_minute(world: World, api: Served) -> None:
    """What `dev` shows within a minute: deliveries, a platform on hold, requests to the API."""
    for platform in Platform:
        world.due(platform, 2, prefix=platform.value)
        world.drain(platform)
    hold(world.runtime, Platform.BENEVITY, company_id=None, reason="a test", actor="somebody")
    world.due(Platform.BENEVITY, 1, prefix="held")
    api.call("GET", "/deliveries")


def test_every_panel_has_data_and_the_rules_are_loaded(api: Served, tmp_path: Path) -> None:
    """After two scrapes with deliveries between them. A panel that stays empty reads what nobody has, or
    divides what is never there."""
    address = api.url.split("//")[1].partition("/")[0]
    with prometheus(tmp_path, address) as seen:
        assert _until(lambda: seen.values('count_over_time(up{job="impact-in"}[1m]) >= 2'))
        _a_busy_minute(api.world, api)
        # What is counted as arrived is on the second scrape after it.
        assert _until(lambda: seen.values("sum(increase(impact_in_deliveries_total[1m])) > 0"))

        def empty() -> list[tuple[str, str]]:
            return [name for name, query in PANELS.items() if not seen.values(query)]

        _until(lambda: not empty())
        assert empty() == []
        held = 'impact_in_deliveries_held{platform="benevity"} > 0'
        assert _until(lambda: seen.values(held)) == [1.0]
        loaded = {rule["name"] for group in seen.ask("rules")["groups"] for rule in group["rules"]}
        managers = seen.ask("alertmanagers")
    written = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())["groups"]
    assert loaded == {rule["alert"] for group in written for rule in group["rules"]}
    assert [one["url"] for one in managers["activeAlertmanagers"]] == [
        "http://127.0.0.1:9093/api/v2/alerts"
    ]
