"""What a platform said passes the sanitiser before anybody reads it (docs/security.md)."""

import pytest
from factories import World

from impact_in_pipelines.platforms import Platform

from .api_harness import Served
from .cli_harness import Cli

SAID = "HTTP 400: ask kari.nordmann@example.org or +47 912 34 567"


def test_commands_show_no_personal_data_that_a_platform_sent_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In lists, details and schedules, as tables and as JSON."""
    (company,) = world.due(Platform.BENEVITY)
    world.sandbox.client.add_fault("benevity", "bad_request")
    world.drain(Platform.BENEVITY)
    row = world.of_company(company)
    world.execute("UPDATE impact_deliveries SET last_error = :said", said=SAID)
    world.execute("UPDATE delivery_attempts SET error = :said", said=SAID)
    world.execute("UPDATE scheduled_deliveries SET last_error = :said", said=SAID)
    (schedule,) = world.scalars("SELECT id FROM scheduled_deliveries")
    cli = Cli(monkeypatch, world.database)

    for words in (
        ("deliveries", "list"),
        ("deliveries", "show", str(row["id"])),
        ("schedules", "list"),
        ("schedules", "show", str(schedule)),
    ):
        for form in ((), ("--json",)):
            out = cli.good(*words, *form).out
            assert "kari" not in out, words
            assert "912 34" not in out, words
    assert "ask ***" in cli.good("deliveries", "show", str(row["id"]), "--json").out


def test_a_schedules_last_error_is_sanitised_through_the_api(api: Served) -> None:
    """A tenant reads what is left of it."""
    api.world.execute("UPDATE scheduled_deliveries SET last_error = :said", said=SAID)

    answer = api.call("GET", "/schedules")

    assert "kari" not in answer.text
    assert "912 34" not in answer.text
    assert answer.json()["data"][0]["lastError"] == "HTTP 400: ask *** or ***"


def test_an_incidents_details_are_sanitised_through_the_api(api: Served) -> None:
    """Its company reads what is left of the platform's words; of a whole platform's incident nobody does."""
    api.world.execute(
        "UPDATE incidents SET details = details || jsonb_build_object('last_error', CAST(:said AS text))",
        said=SAID,
    )

    answer = api.call("GET", "/incidents")

    shown = [one["details"]["last_error"] for one in answer.json()["data"] if one["companyId"]]
    assert shown
    assert set(shown) == {"HTTP 400: ask *** or ***"}
    assert "kari" not in answer.text
    assert "912 34" not in answer.text
