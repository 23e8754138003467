"""What was sent stays as it was when a person is erased, and evidence says what has changed beside it."""

from pathlib import Path

from factories import FIRST_RETRY, YESTERDAY, World

from impact_in_pipelines.evidence.verifying import verify
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.accounts import lives
from impact_in_pipelines.services.evidence.exporting import export
from impact_in_pipelines.services.refreshing import company_impact

BENEVITY = Platform.BENEVITY


def test_one_key_never_carries_two_bodies_whatever_the_reference_is(world: World) -> None:
    """It may be an account's id, an activity, a category or a unit. Another body would be refused by a
    platform that has accepted the first one, and its replay would arrive under another key: twice."""
    (company,) = world.companies()
    world.events([company])
    company_impact(world.runtime, full=True)
    world.sandbox.client.add_fault("benevity", "connection_reset_after", count=1)
    (id_,) = world.deliveries(BENEVITY, company)
    world.drain(BENEVITY)
    payload = world.delivery(id_)["payload"]
    figures = "SELECT activities, outcomes FROM company_impact"
    before = world.rows(figures)
    assert payload["organizationId"] == "c-1"

    found = world.runtime.companies.find("c-1")
    for reference in ("c-1", "language", "session", "hours"):
        lives.erase_participant(world.runtime, found, reference, actor="ops")

    assert world.delivery(id_)["payload"] == payload
    company_impact(world.runtime, full=True)
    assert world.rows(figures) == before
    world.clock.advance(FIRST_RETRY)
    world.drain(BENEVITY)
    assert world.statuses() == {"success": 1}
    assert world.doubled(BENEVITY) == []


def test_evidence_verifies_after_an_erasure(world: World, tmp_path: Path) -> None:
    """An error and an answer that named the person are other texts now: one more link says so, and the one of
    before stays."""
    (company,) = world.companies()
    world.events([company])
    (id_,) = world.deliveries(BENEVITY, company)
    world.sandbox.client.add_fault("benevity", "bad_request", count=1)
    world.drain(BENEVITY)
    said = world.delivery(id_)["last_error"]
    # A reference that the platform's answer happens to name.
    reference = max(said.split(), key=len)
    found = world.runtime.companies.find("c-1")

    lives.erase_participant(world.runtime, found, reference, actor="ops")

    assert reference not in world.delivery(id_)["last_error"]
    assert reference not in world.attempts(id_)[0]["error"]
    path = tmp_path / "evidence.zip"
    path.write_bytes(b"".join(export(world.runtime, found, YESTERDAY, YESTERDAY, actor="ops")))
    verdict = verify(path)
    assert (verdict.findings, verdict.links) == ([], 2)
