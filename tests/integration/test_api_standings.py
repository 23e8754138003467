"""Companies' SLA statuses that are measured together, as the API asks for them."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from unittest.mock import patch

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.sla.statuses import Standing

from .api_harness import Served


def test_nobody_waits_for_another_companys_wide_window(api: Served) -> None:
    """Statuses of the usual window are measured together, one hand after the other: a window of many months
    may take a minute, and would keep every company waiting, and all threads with them."""
    measuring, gate = Event(), Event()

    def slowly(companies: Sequence[Company]) -> Mapping[Company, Standing]:
        measuring.set()
        assert gate.wait(30)
        return answer(companies)

    standings, other = api.api.standings, api.api.companies.get(api.other.company)
    assert other is not None
    answer = standings._answer
    with patch.object(standings, "_answer", slowly), ThreadPoolExecutor(1) as somebody:
        asked = somebody.submit(standings.ask, other)
        try:
            assert measuring.wait(30)
            wide = api.get("/sla-status", companyId=str(api.own.company), startDate="2026-03-01")
        finally:
            gate.set()
        asked.result(30)
    assert wide["period"]["start"].startswith("2026-03-01")
