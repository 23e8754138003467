"""Incidents of a type that only a newer program knows, in a rollout or after going back: shown, told, and in
nobody's way."""

import pytest
import requests

from impact_in_pipelines.alerting import wording
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.model import BreachType

from .alert_worlds import MINUTE, AlertWorld
from .api_harness import MANAGER, Served
from .cli_harness import Cli

NEWER = "tomorrows_kind"


@pytest.fixture
def api(api: Served) -> Served:
    """An API whose incident a newer program has opened, with a notice that waits to be sent."""
    api.world.execute(
        "UPDATE incidents SET type = :type WHERE id = :id", type=NEWER, id=api.own.incident
    )
    return api


def test_the_sensors_go_on_and_leave_it_alone(api: Served) -> None:
    """What is wrong is still found and told, and what is of the other type stays open."""
    alerts = AlertWorld(api.world)
    (company,) = api.world.companies()
    alerts.settled(company, Platform.GOODERA, arrived=97, failed=3)
    alerts.later(MINUTE)

    for look in (
        alerts.alerts.watch_sla,
        alerts.alerts.watch_outages,
        alerts.alerts.watch_corrections,
    ):
        assert look() is not None

    (newer,) = [row for row in alerts.incidents() if row["type"] == NEWER]
    assert newer["closed_at"] is None
    assert "success_rate" in {row["type"] for row in alerts.incidents()}


def test_it_is_listed_by_its_name(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal, by the API and in the cockpit."""
    world, id_ = api.world, api.own.incident
    cli = Cli(monkeypatch, world.database)
    assert "tomorrows kind" in cli.good("incidents", "list").out
    assert NEWER in {one["type"] for one in api.get("/incidents")["data"]}
    session = world.runtime.sessions.open(
        "ingrid", MANAGER, None, now=world.clock(), expires_at=world.clock() + 60 * MINUTE
    )
    browser = requests.Session()
    browser.cookies.set("impact_in_session", session)
    for page in (f"{api.own.company}/incidents", f"{api.own.company}/incidents/{id_}"):
        answer = browser.get(f"{api.url}/en/cockpit/{page}", timeout=60)
        assert answer.status_code == 200
        assert "Tomorrows kind" in answer.text


def test_its_notice_is_sent_in_plain_words(api: Served) -> None:
    """The outbox is in order: a notice that can't be read would keep all later ones."""
    (incident,) = [
        one for one in api.world.another_runtime().incidents.listed() if one.type == NEWER
    ]
    assert not incident.type.is_known
    assert wording.title_of(incident.type) == "Tomorrows kind"
    assert wording.fact(incident)
    assert wording.sample(incident)
    assert wording.first_step(incident) == "impact-in incidents list"


def test_only_a_name_is_a_type() -> None:
    """Whatever else is in the column is a fault, not a newer program's."""
    with pytest.raises(ValueError, match="no such"):
        BreachType("no such")
    assert all(one.is_known for one in BreachType)
