"""The cockpit's schedule form: what is wrong stands at its field, in the page's language."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import requests

from integration.api_harness import MANAGER, Served


def _session(api: Served) -> str:
    return api.world.runtime.sessions.open(
        "olena",
        MANAGER,
        [api.own.company],
        now=api.world.clock(),
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )


def _sent(api: Served, session: str, language: str, **fields: str) -> requests.Response:
    cookies = {"impact_in_session": session}
    address = f"{api.url}/{language}/cockpit/{api.own.company}/schedules"
    page = requests.get(f"{address}/new", cookies=cookies, timeout=30)
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert token, page.text
    form = {
        "form_token": token[1],
        "platform": "benevity",
        "often": "daily",
        "at": "00:00",
        "cron": "",
    }
    return requests.post(
        address,
        data=form | {"timezone": "Europe/Kyiv"} | fields,
        cookies=cookies,
        timeout=30,
        allow_redirects=False,
    )


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"timezone": "GMT+3"}, "timezone", "часовий пояс 'GMT+3' невідомий"),
        ({"often": "custom", "cron": "61 * * * *"}, "cron", "хвилина '61' недійсна"),
        ({"country": "XX"}, "country", "країна 'XX' невідома"),
        ({"window_start": "08:00"}, "window_start", "вкажіть і початок, і кінець"),
        (
            {"window_start": "18:00", "window_end": "08:00"},
            "window_start",
            "кінець має бути пізніше за початок",
        ),
        ({"platform": "myspace"}, "platform", "має бути однією з"),
    ],
)
def test_a_refusal_is_ukrainian_at_its_field(
    api: Served, fields: dict[str, str], field: str, said: str
) -> None:
    """English rule errors stood above the Ukrainian form, at no field."""
    answer = _sent(api, _session(api), "uk", **fields)
    assert answer.status_code == 422
    text = answer.text.replace("&#39;", "'")
    at_field = re.search(rf'id="problem-{field}"[^>]*>([^<]+)<', text)
    assert at_field, text
    assert said in at_field[1]
    assert f'aria-describedby="problem-{field}"' in text


def test_the_list_points_out_twins_and_the_form_a_calendar_without_holidays(api: Served) -> None:
    """Each card of the two says so; the preview says that no fire moves for UA."""
    session = _session(api)
    for _ in range(2):
        made = _sent(api, session, "uk", often="monthly", month_day="1", country="UA")
        assert made.status_code == 303, made.text
    cookies = {"impact_in_session": session}
    address = f"{api.url}/uk/cockpit/{api.own.company}/schedules"
    page = requests.get(address, cookies=cookies, timeout=30).text
    assert page.count("пропускає як дублікат") == 2
    query = {"often": "daily", "at": "00:00", "timezone": "Europe/Kyiv", "country": "UA"}
    preview = requests.get(f"{address}/preview", params=query, cookies=cookies, timeout=30).text
    assert "жодного свята UA" in preview
