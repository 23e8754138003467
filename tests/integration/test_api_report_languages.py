"""SLA reports over HTTP in the reader's language."""

import pytest

from .api_harness import Served


@pytest.mark.parametrize(
    ("wish", "language", "heading"),
    [
        ("uk-UA,uk;q=0.9", "uk", "Що робити"),
        ("no", "nb", "Hva som bør gjøres"),
        ("es", "es", "Qué hacer"),
        ("de", "en", "What to do"),
        (None, "en", "What to do"),
    ],
)
def test_a_report_is_in_the_language_that_is_asked_for(
    api: Served, wish: str | None, language: str, heading: str
) -> None:
    """Page and JSON say which it is, and that the answer varies by it; English where it is none of ours."""
    headers = {"Accept-Language": wish} if wish else {}
    company = {"companyId": str(api.own.company)}
    page = api.call(
        "GET", "/sla-report", params=company, headers={**headers, "Accept": "text/html"}
    )
    assert page.headers["Content-Language"] == language
    assert "Accept-Language" in page.headers["Vary"]
    assert f"<h2>{heading}</h2>" in page.text
    told = api.call("GET", "/sla-report", params=company, headers=headers)
    assert told.status_code == 200, told.text
    assert told.headers["Content-Language"] == language
    assert "Accept-Language" in told.headers["Vary"]
    (*_, last) = told.json()["recommendations"]
    assert ("The" in last or "Replay" in last or "Nothing" in last) == (language == "en"), last
    assert "said" not in told.text
