"""`impact-in dagster-ui`, a real server, asked as a browser with a page of another site would ask it."""

import json
from collections.abc import Iterator

import pytest
import requests
from sqlalchemy import URL
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from impact_in_pipelines.connectors.dagster_graphql import DagsterGraphql

from .conftest import own_site
from .processes import Stage

pytestmark = pytest.mark.timeout(180)
MUTATION = "mutation { setNuxSeen }"


@pytest.fixture(scope="module")
def served(
    postgres_url: URL,
    template: str,
    dagster_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    """The web server alone."""
    folder = tmp_path_factory.mktemp("ui")
    with own_site(postgres_url, template, dagster_template, folder) as site:
        stage = Stage(site.home, site.environment)
        try:
            stage.start_ui()
            yield stage
        finally:
            stage.stop()


def test_a_mutation_by_get_is_not_executed(served: Stage) -> None:
    """Dagster's own server executes it, whoever sends it."""
    answer = requests.get(f"{served.url}/graphql", params={"query": MUTATION}, timeout=30)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://attacker.example"}, {"Origin": "null"}, {"Host": "attacker.example"}],
    ids=str,
)
def test_a_post_of_another_site_is_refused(served: Stage, headers: dict[str, str]) -> None:
    """By its Origin, or, if its name was pointed at this machine, by its Host."""
    answer = requests.post(
        f"{served.url}/graphql", json={"query": MUTATION}, headers=headers, timeout=30
    )
    assert answer.status_code == 403
    assert len(answer.text.splitlines()) == 1


def test_programs_and_the_ui_work(served: Stage) -> None:
    """The API's own client, and a POST of the UI's page."""
    assert DagsterGraphql(served.url, timeout_s=30).version()
    answer = requests.post(
        f"{served.url}/graphql",
        json={"query": "{ version }"},
        headers={"Origin": served.url},
        timeout=30,
    )
    assert answer.json()["data"]["version"]
    page = requests.get(f"{served.url}/runs", headers={"Accept": "text/html"}, timeout=30)
    assert page.status_code == 200
    assert page.headers["X-Frame-Options"] == "DENY"


def test_subscriptions_work_for_the_ui_and_for_nobody_else(served: Stage) -> None:
    """They come over a WebSocket, to which no browser rule of same origin applies."""
    address = served.url.replace("http", "ws", 1) + "/graphql"
    protocol = [Subprotocol("graphql-ws")]
    with connect(address, origin=Origin(served.url), subprotocols=protocol) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv(timeout=30)) == {"type": "connection_ack"}
    with pytest.raises(InvalidStatus) as refused:
        connect(address, origin=Origin("https://attacker.example"), subprotocols=protocol)
    assert refused.value.response.status_code == 403
