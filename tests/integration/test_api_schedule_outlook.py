"""What schedules will do, over HTTP: a year, what deleting cancels, the calendars to choose from."""

from .api_harness import Served


def test_a_year_tells_what_moves_and_why(api: Served) -> None:
    """Every day on which something goes out, and each that doesn't with its reason."""
    changed = api.call(
        "PATCH",
        f"/schedules/{api.own.schedule}",
        json={
            "schedule": "0 8 * * *",
            "timezone": "Europe/Oslo",
            "holidayCalendar": {"country": "NO", "policy": "next_business_day"},
        },
    )
    assert changed.status_code == 200, changed.text
    year = api.world.clock().year + 1
    found = api.get(f"/schedules/{api.own.schedule}/year", year=year)
    assert found["year"] == year
    assert found["completeUntil"] == f"{year}-12-31"
    told = {one["day"]: one for one in found["shifted"]}
    labour_day = told[f"{year}-05-01"]
    assert labour_day["holiday"] == "Labor Day"
    assert labour_day["because"] == "holiday"
    assert labour_day["movedTo"] is not None
    days = {one["day"] for one in found["days"]}
    assert not days & set(told)
    assert {one["movedTo"] for one in found["shifted"]} - {None} <= days | {f"{year + 1}-01-02"}
    present = api.get(f"/schedules/{api.own.schedule}/year", year=1999)
    assert present["year"] == year - 1


def test_what_a_deletion_cancels_is_what_it_then_cancels(api: Served) -> None:
    """Asking changes nothing."""
    made = api.post(f"/schedules/{api.own.schedule}/run-now")
    assert made.status_code == 202, made.text
    for _ in range(2):
        ahead = api.get(f"/schedules/{api.own.schedule}/deletion")
        assert (ahead["cancelledDeliveries"], ahead["keptFailures"]) == (1, 0)
    done = api.call("DELETE", f"/schedules/{api.own.schedule}").json()
    assert done["cancelledDeliveries"] == 1
    assert api.call("GET", f"/schedules/{api.other.schedule}/deletion").status_code == 404


def test_every_listed_calendar_is_taken(api: Served) -> None:
    """A country and a region from the list make a schedule's calendar."""
    listed = {one["country"]: one["regions"] for one in api.get("/holiday-calendars")["data"]}
    region = next(one for one in listed["DE"] if one["name"] == "Bayern")
    body = {
        "schedule": "daily",
        "holidayCalendar": {"country": "DE", "subdivision": region["code"], "policy": "skip"},
    }
    answer = api.post("/schedules/preview", body)
    assert answer.status_code == 200, answer.text
