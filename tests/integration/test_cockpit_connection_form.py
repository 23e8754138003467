"""The cockpit's form of a connection: what is wrong stands at its field, and what wasn't posted stays."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import requests

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.accounts import connections

from .api_harness import MANAGER, Served

LONG = "n" * 240
TYPED = {"base_url": "", "organization_id": "", "rate_limit_per_minute": "", "max_concurrency": ""}
"""What every browser posts; boxes without a tick it doesn't."""


class Form:
    """Benevity's, of a manager who is signed in."""

    def __init__(self, api: Served) -> None:
        self.api = api
        session = api.world.runtime.sessions.open(
            "olena",
            MANAGER,
            [api.own.company],
            now=api.world.clock(),
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        )
        self.cookies = {"impact_in_session": session}
        self.address = f"{api.url}/nb/cockpit/{api.own.company}/connections/benevity"

    def page(self) -> str:
        return requests.get(self.address, cookies=self.cookies, timeout=30).text

    def post(self, **fields: str) -> requests.Response:
        token = re.search(r'name="form_token" value="([^"]+)"', self.page())
        assert token
        return requests.post(
            self.address,
            data={"form_token": token[1]} | TYPED | fields,
            cookies=self.cookies,
            timeout=30,
            allow_redirects=False,
        )

    def has(self, **options: str) -> None:
        """Store these options and no others, as a command of an older version could."""
        change = connections.ConnectionChange(options=options, enabled=True)
        runtime = self.api.world.runtime
        company = runtime.companies.find(str(self.api.own.company))
        connections.set_connection(
            runtime, company, Platform.BENEVITY, change, actor="test", by_operator=True
        )

    def stored(self) -> connections.ShownConnection:
        runtime = self.api.world.runtime
        company = runtime.companies.find(str(self.api.own.company))
        return connections.stored(runtime, company, Platform.BENEVITY)


@pytest.fixture
def form(api: Served) -> Form:
    return Form(api)


def test_a_wrong_field_is_told_where_the_box_is_not_ticked(form: Form) -> None:
    """A box without a tick isn't posted: showing the form again failed."""
    form.has()
    answer = form.post(**{"rate_limit_per_minute": "many", "option-programId": "p-2"})
    assert answer.status_code == 422
    assert 'id="problem-rate_limit_per_minute"' in answer.text
    assert 'value="many"' in answer.text
    assert 'value="p-2"' in answer.text
    assert 'name="enabled" >' in answer.text
    assert form.stored().enabled


def test_options_that_were_not_posted_stay(form: Form) -> None:
    """A page that was open since before an upgrade has no fields for them: saving it deleted them."""
    form.has(programId="p-1", scope="reports")
    assert form.post(enabled="on").status_code == 303
    assert form.stored().options == {"programId": "p-1", "scope": "reports"}
    assert form.post(**{"enabled": "on", "option-programId": ""}).status_code == 303
    assert form.stored().options == {"scope": "reports"}


def test_an_option_is_never_cut(form: Form) -> None:
    """Too long is said at its field; one that was stored so stays, and the others can be saved."""
    form.has(programName=LONG)
    kept = {"enabled": "on", "option-programName": LONG, "option-programId": "p-3"}
    assert form.post(**kept).status_code == 303
    assert form.stored().options == {"programName": LONG, "programId": "p-3"}
    answer = form.post(**kept | {"option-programId": "i" * 201})
    assert answer.status_code == 422
    said = re.search(r'id="problem-option-programId"[^>]*>([^<]+)<', answer.text)
    assert said
    assert said[1] == "programId er lengre enn 200 tegn"
    assert 'aria-describedby="problem-option-programId"' in answer.text
    assert form.stored().options == {"programName": LONG, "programId": "p-3"}
