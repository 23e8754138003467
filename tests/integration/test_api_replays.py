"""Sending again through the API: queued once, sent once, watched to its end."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from impact_in_pipelines.platforms import Platform

from .api_harness import VIEWER, Served


def failed(api: Served, count: int, *, platform: Platform = Platform.WORKDAY) -> list[str]:
    """Deliveries of the own company that failed for good."""
    days = [date(2026, 2, 1) + timedelta(days=n) for n in range(count)]
    ids = api.world.deliveries(platform, api.own.company, days=days)
    api.world.events([api.own.company], days=days)
    api.world.execute(
        "UPDATE impact_deliveries SET status = 'failed', failed_at = :now, next_attempt_at = NULL, "
        "last_error = 'busy', error_kind = 'server_error' WHERE id = ANY(CAST(:ids AS uuid[]))",
        ids=ids,
        now=api.world.clock(),
    )
    return [str(id_) for id_ in ids]


def audit(api: Served) -> list[tuple[str, str]]:
    """Who did what, the latest first."""
    entries = api.get("/audit-log", companyId=str(api.own.company))["data"]
    return [(one["actor"], one["action"]) for one in entries]


def test_a_replay_is_accepted_sent_and_watched_to_its_end(api: Served) -> None:
    """202 with the id and a status URL; Dagster can't be reached, so the next tick sends it."""
    answer = api.post(f"/deliveries/{api.own.failed}/replay")

    assert answer.status_code == 202
    accepted = answer.json()
    assert accepted["ids"] == [str(api.own.failed)]
    assert accepted["drains"] == {"goodera": "next_tick"}
    before = api.get(accepted["statusUrl"])
    assert (before["done"], before["byStatus"]) == (False, {"pending": 1})
    api.world.drain(Platform.GOODERA)
    after = api.get(accepted["statusUrl"])
    assert (after["done"], after["byStatus"]) == (True, {"success": 1})
    assert ("ingrid", "delivery.replay") in audit(api)


def test_the_progress_of_a_replay_is_kept_for_ninety_days(api: Served) -> None:
    """Then the next request takes it with it; the younger ones stay."""
    first, second, third = failed(api, 3)
    urls = [api.post(f"/deliveries/{first}/replay").json()["statusUrl"]]
    for days, id_ in ((90, second), (1, third)):
        api.world.clock.advance(timedelta(days=days))
        urls.append(api.post(f"/deliveries/{id_}/replay").json()["statusUrl"])

    assert [api.call("GET", url).status_code for url in urls] == [404, 200, 200]


def test_what_is_on_its_way_is_not_put_into_the_queue_again(api: Served) -> None:
    """409 with the reason: one delivery is never in flight twice."""
    assert api.post(f"/deliveries/{api.own.failed}/replay").status_code == 202

    again = api.post(f"/deliveries/{api.own.failed}/replay")

    assert again.status_code == 409
    assert "on its way already" in again.json()["detail"]


def test_many_replays_at_once_send_it_once(api: Served) -> None:
    """Ten clicks, one row, one acceptance."""
    path = f"/deliveries/{api.own.failed}/replay"
    with ThreadPoolExecutor(10) as pool:
        statuses = sorted(a.status_code for a in pool.map(lambda _: api.post(path), range(10)))
    api.world.drain(Platform.GOODERA)

    assert statuses == [202] + [409] * 9
    assert api.world.doubled(Platform.GOODERA) == []


def test_what_arrived_is_sent_again_only_by_force_within_a_day(api: Served) -> None:
    """And then as a new delivery that names the old one (D11)."""
    path = f"/deliveries/{api.own.arrived}/replay"

    refused = api.post(path)
    forced = api.post(path, {"force": True})

    assert refused.status_code == 409
    assert "force sends it again" in refused.json()["detail"]
    assert "--force" not in refused.text
    assert forced.status_code == 202
    (renewed,) = forced.json()["replayOf"]
    assert renewed["replayOf"] == str(api.own.arrived)
    assert forced.json()["ids"] == [renewed["id"]]


def test_a_bulk_replay_queues_what_it_can_and_says_why_not_the_rest(api: Served) -> None:
    """Own ones that can't be, and ids that are nobody's or somebody else's, which look the same."""
    ids = failed(api, 3)
    others = [str(api.other.failed), str(uuid4())]

    answer = api.post("/deliveries/bulk-replay", {"ids": [*ids, str(api.own.arrived), *others]})

    found = answer.json()
    assert answer.status_code == 202
    assert sorted(found["ids"]) == sorted(ids)
    reasons = {one["id"]: one["reason"] for one in found["refused"]}
    assert reasons.keys() == {str(api.own.arrived), *others}
    assert {reasons[one] for one in others} == {"there is no such delivery"}
    assert api.get(found["statusUrl"])["total"] == 3


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({}, 4),
        ({"platform": "workday"}, 3),
        ({"error": "BUSY"}, 4),
        ({"error": "nothing"}, 0),
        ({"endDate": "2026-03-10"}, 0),
    ],
)
def test_a_filter_fits_what_failed_for_good(
    api: Served, wanted: dict[str, Any], count: int
) -> None:
    """Of the token's companies only."""
    failed(api, 3)

    found = api.post("/deliveries/bulk-replay", {"filter": wanted}).json()

    assert len(found["ids"]) == count
    assert str(api.other.failed) not in found["ids"]


def test_retry_all_failed_leaves_out_what_has_arrived_since(api: Served) -> None:
    """After the window nothing else would keep it from being counted twice."""
    first, *rest = failed(api, 3)
    api.world.execute(
        """INSERT INTO impact_deliveries (company_id, platform, trigger, status, period_start, period_end,
               scheduled_for, idempotency_key, delivered_at)
           SELECT company_id, platform, 'backfill', 'success', period_start, period_end,
               scheduled_for + interval '1 hour', gen_random_uuid(), failed_at + interval '1 hour'
           FROM impact_deliveries WHERE id = CAST(:id AS uuid)""",
        id=first,
    )

    body = {"companyId": str(api.own.company), "platform": "workday"}
    found = api.post("/deliveries/retry-all-failed", body).json()

    assert sorted(found["ids"]) == sorted(rest)
    assert found["arrivedSince"] == [first]


def test_nothing_failed_is_nothing_to_do(api: Served) -> None:
    """An empty answer, no error and no status URL."""
    body = {"companyId": str(api.own.company), "platform": "benevity"}

    found = api.post("/deliveries/retry-all-failed", body)

    assert found.status_code == 202
    assert (found.json()["ids"], found.json()["statusUrl"]) == ([], None)


def test_a_replays_progress_is_for_those_who_may_see_all_of_it(api: Served) -> None:
    """A replay of two companies isn't half shown."""
    both = api.token(companies=[api.own.company, api.other.company])
    ids = [str(api.own.failed), str(api.other.failed)]
    url = api.post("/deliveries/bulk-replay", {"ids": ids}, token=both).json()["statusUrl"]

    assert api.call("GET", url, token=both).json()["total"] == 2
    assert api.call("GET", url).status_code == 404


def test_a_preview_shows_what_would_be_sent_and_changes_nothing(api: Served) -> None:
    """Today's payload, how it differs from what was last accepted, and how long it takes."""
    path = f"/deliveries/{api.own.arrived}"
    before = api.get(path)
    api.world.execute(
        "UPDATE impact_events SET hours = hours + 1 WHERE company_id = :id", id=api.own.company
    )

    found = api.post(f"{path}/preview-replay", {"force": True}).json()

    assert (found["action"], found["changed"]) == ("new_delivery", True)
    assert found["lastAccepted"]["deliveryId"] == str(api.own.arrived)
    (difference,) = found["differences"]
    assert difference["path"].endswith("/metricValue")
    assert difference["after"] == difference["before"] + 3
    assert found["payload"]["metrics"]
    assert found["estimatedSeconds"] == 1
    assert api.get(path) == before


def test_a_preview_of_several_shows_how_each_differs_from_what_had_arrived(api: Served) -> None:
    """Not only a preview of one; what had never arrived differs from nothing."""
    api.world.execute(
        "UPDATE impact_events SET hours = hours + 1 WHERE company_id = :id", id=api.own.company
    )
    ids = [str(api.own.arrived), str(api.own.failed)]

    items = api.post("/deliveries/preview-replay", {"ids": ids, "force": True}).json()["items"]

    arrived, failed = sorted(items, key=lambda one: ids.index(one["id"]))
    assert (arrived["periodStart"], arrived["periodEnd"]) == ("2026-03-09", "2026-03-09")
    assert arrived["lastAccepted"]["deliveryId"] == str(api.own.arrived)
    (difference,) = arrived["differences"]
    assert difference["after"] == difference["before"] + 3
    assert (failed["lastAccepted"], failed["differences"]) == (None, [])


def test_a_replays_progress_names_the_days(api: Served) -> None:
    """Nobody knows a day by an id."""
    url = api.post(f"/deliveries/{api.own.failed}/replay").json()["statusUrl"]

    (one,) = api.call("GET", url).json()["deliveries"]

    assert (one["periodStart"], one["periodEnd"]) == ("2026-03-09", "2026-03-09")


def test_a_preview_says_what_the_window_would_skip(api: Served) -> None:
    """The same content has arrived less than a day ago, with another delivery."""
    (twin,) = api.world.deliveries(Platform.BENEVITY, api.own.company)
    api.world.execute(
        "UPDATE impact_deliveries SET status = 'failed', failed_at = :now WHERE id = :id",
        id=twin,
        now=api.world.clock(),
    )

    found = api.post(f"/deliveries/{twin}/preview-replay").json()
    forced = api.post(f"/deliveries/{twin}/preview-replay", {"force": True}).json()

    assert found["action"] == "skip"
    assert found["duplicateOf"]["deliveryId"] == str(api.own.arrived)
    assert forced["action"] == "send_again"


def test_a_preview_of_many_counts_and_estimates(api: Served) -> None:
    """35 requests to an account of 30 a minute: a minute's wait, then the rest."""
    ids = failed(api, 35)

    found = api.post("/deliveries/preview-replay", {"ids": [*ids, str(api.own.arrived)]}).json()

    assert (found["total"], found["toSend"], found["refused"]) == (36, 35, 1)
    assert 60 < found["estimatedSeconds"] < 120


def test_the_same_key_gives_the_same_answer_and_does_nothing_twice(api: Served) -> None:
    """A client that lost the answer asks again."""
    headers = {"Idempotency-Key": "click-1"}
    path = f"/deliveries/{api.own.failed}/replay"

    first = api.post(path, headers=headers)
    second = api.post(path, headers=headers)

    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"


def test_a_key_with_another_request_is_refused(api: Served) -> None:
    """Another body, or another address."""
    headers = {"Idempotency-Key": "click-1"}
    assert api.post(f"/deliveries/{api.own.failed}/replay", headers=headers).status_code == 202

    body = api.post(f"/deliveries/{api.own.failed}/replay", {"force": True}, headers=headers)
    path = api.post(f"/deliveries/{api.own.arrived}/replay", headers=headers)

    for answer in (body, path):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


def test_a_key_belongs_to_whoever_used_it(api: Served) -> None:
    """Another subject, or the same one with other rights, gets nothing of the first answer."""
    headers = {"Idempotency-Key": "click-1"}
    body = {"slug": "third", "name": "Third"}
    everything = api.token(companies=["*"])
    assert api.post("/companies", body, headers=headers, token=everything).status_code == 201

    for token in (api.token(companies=["*"], subject="kari"), api.token()):
        answer = api.post("/companies", body, headers=headers, token=token)
        assert answer.status_code in (403, 409)
        assert "Idempotency-Replayed" not in answer.headers


def test_an_error_is_not_kept(api: Served) -> None:
    """What failed changed nothing, and may be tried again under its key."""
    headers = {"Idempotency-Key": "click-1"}
    path = f"/deliveries/{api.own.failed}/replay"
    api.world.execute(
        "UPDATE impact_deliveries SET status = 'cancelled' WHERE id = :id", id=api.own.failed
    )
    assert api.post(path, headers=headers).status_code == 409
    api.world.execute(
        "UPDATE impact_deliveries SET status = 'failed' WHERE id = :id", id=api.own.failed
    )

    assert api.post(path, headers=headers).status_code == 202


def test_a_key_is_forgotten_after_a_day(api: Served) -> None:
    """And one whose process died, after two minutes."""
    headers = {"Idempotency-Key": "click-1"}
    path = f"/deliveries/{api.own.failed}/replay"
    assert api.post(path, headers=headers).status_code == 202
    api.world.clock.advance(timedelta(hours=24, seconds=1))

    assert api.post(path, headers=headers).status_code == 409


def test_requests_with_one_key_at_once_are_done_once(api: Served) -> None:
    """The others are told to wait, or get the first one's answer."""
    headers = {"Idempotency-Key": "click-1"}
    body = {"slug": "third", "name": "Third"}
    token = api.token(companies=["*"])

    def post(_: int) -> int:
        return api.post("/companies", body, headers=headers, token=token).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = set(pool.map(post, range(8)))

    assert statuses <= {201, 409}
    assert 201 in statuses
    companies = api.call("GET", "/companies", token=token).json()["data"]
    assert sum(one["slug"] == "third" for one in companies) == 1


def test_a_viewer_may_watch_and_not_replay(api: Served) -> None:
    """ADMIN_CONSOLE views; MANAGE_INTEGRATIONS is needed for the rest."""
    viewer = api.token(VIEWER)

    assert api.call("GET", f"/replays/{api.own.replay}", token=viewer).status_code == 200
    answer = api.post(f"/deliveries/{api.own.failed}/replay", token=viewer)
    assert answer.status_code == 403
    assert "MANAGE_INTEGRATIONS" in answer.json()["detail"]
