"""Companies' SLA statuses that are measured together, as the API asks for them."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from unittest.mock import patch
from uuid import UUID, uuid4

from .api_harness import Served


def test_nobody_waits_for_another_companys_wide_window(api: Served) -> None:
    """Statuses of the usual window are measured together, one hand after the other: a window of many months
    may take a minute, and would keep every company waiting, and all threads with them."""
    measuring, gate = Event(), Event()

    def slowly(ids: Sequence[UUID]) -> Mapping[UUID, bytes | None]:
        measuring.set()
        assert gate.wait(30)
        return answer(ids)

    standings, everybody = api.api.standings, api.token(companies=["*"])
    answer = standings._answer
    with patch.object(standings, "_answer", slowly), ThreadPoolExecutor(1) as somebody:
        other = str(api.other.company)
        asked = somebody.submit(api.call, "GET", f"/sla-status?companyId={other}", token=everybody)
        try:
            assert measuring.wait(30)
            wide = api.get("/sla-status", companyId=str(api.own.company), startDate="2026-03-01")
        finally:
            gate.set()
        assert asked.result(30).json()["companyId"] == other
    assert wide["period"]["start"].startswith("2026-03-01")


def test_companies_are_measured_together_and_those_that_are_not_there_are_none(api: Served) -> None:
    """Each by its own figures: what it gets alone."""
    own, other, nobody = api.own.company, api.other.company, uuid4()
    together = api.api.standings._answer([own, nobody, other])

    assert together[nobody] is None
    assert [together[own]] == list(api.api.standings._answer([own]).values())
    assert together[own] != together[other]


def test_a_company_that_is_not_there_has_no_status(api: Served) -> None:
    """Also for whoever may see all there are."""
    answer = api.call("GET", f"/sla-status?companyId={uuid4()}", token=api.token(companies=["*"]))

    assert answer.status_code == 404
