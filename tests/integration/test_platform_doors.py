"""Platforms that are held, by the API and the command line (D12)."""

import pytest

from impact_in_pipelines.db.engine import Database

from .api_harness import Served
from .cli_harness import Cli


def test_a_company_holds_and_resumes_its_own_connection_by_the_api(api: Served) -> None:
    """Its own, with a reason, listed with who; a whole platform needs a token for all companies."""
    company = str(api.own.company)
    refused = api.post("/platforms/benevity/hold", {"reason": "no"})
    assert refused.status_code == 403
    made = api.post("/platforms/benevity/hold", {"companyId": company, "reason": "a new key"})
    assert made.status_code == 200
    assert made.json()["by"] == "person"
    assert made.json()["nextProbeAt"] is None
    again = api.post("/platforms/benevity/hold", {"companyId": company, "reason": "a new key"})
    assert again.status_code == 409

    (benevity,) = [one for one in api.get("/platforms")["data"] if one["platform"] == "benevity"]
    (closure,) = benevity["closures"]
    assert (closure["companyId"], closure["heldBy"]) == (company, "ingrid")

    resumed = api.post("/platforms/benevity/resume", {"companyId": company})
    assert resumed.status_code == 200
    assert api.post("/platforms/benevity/resume", {"companyId": company}).status_code == 409


@pytest.fixture
def cli(database: Database, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line on the test's database."""
    return Cli(monkeypatch, database)


def test_an_operator_holds_and_resumes_a_platform_by_command(cli: Cli) -> None:
    """With who and why in the list; resuming twice is refused with the next step."""
    cli.good("platforms", "hold", "benevity", "--reason", "they move", "--by", "ida")
    (benevity,) = [
        one for one in cli.good("platforms", "list", "--json").json if one["platform"] == "benevity"
    ]
    (closure,) = benevity["closures"]
    assert (closure["by"], closure["heldBy"], closure["reason"]) == ("person", "ida", "they move")
    assert "held by ida" in cli.good("platforms", "list").out
    assert "resumed" in cli.good("platforms", "resume", "benevity").out
    assert "impact-in platforms list" in cli.refused("platforms", "resume", "benevity").err
