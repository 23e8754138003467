"""A process in which a fourth platform is installed, as an operator's would be; its argument is where the
receiver of webhooks listens. Prints one line of JSON: what each door says of it.

A process of its own, since a process reads once which connectors there are.
"""

import json
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import requests
from dagster import DagsterInstance
from integration.api_harness import running
from typer.testing import CliRunner

from acceptance.world import World, day
from impact_in_pipelines.api.context import build_context
from impact_in_pipelines.cli.accounts.token import minted
from impact_in_pipelines.cli.app import app
from impact_in_pipelines.connectors.testing import CHECKS, subject_of
from impact_in_pipelines.definitions import defs
from impact_in_pipelines.delivery.retry import RetryPlan
from impact_in_pipelines.platforms import Platform, problems
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.sandbox.client import SandboxClient
from impact_in_pipelines.services import refreshing
from impact_in_pipelines.services.accounts.connections import ConnectionChange, set_connection
from impact_in_pipelines.services.deliveries import corrections
from impact_in_pipelines.services.operating import health
from impact_in_pipelines.settings import read_settings

WEBHOOK = "webhook"
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
"""Of the Standard Webhooks documentation."""
_ROLES = ["ADMIN_CONSOLE", "MANAGE_INTEGRATIONS"]


def main(receiver: str) -> None:
    settings = read_settings()
    runtime = Runtime(settings)
    with DagsterInstance.get() as instance:
        world = World(runtime, SandboxClient("http://127.0.0.1:9"), instance, Path())
        answers = {
            "platforms": list(Platform),
            "problems": [str(one) for one in problems()],
            "doctor": [one.fact.name for one in health.of_connectors()],
            "contract": _contract(),
            "retries": [_retries(), _retries(RETRY_DELAYS_MS="webhook=1000")],
            "definitions": _definitions(),
            **_by_hand(world, receiver),
            **_delivered(world, receiver),
        }
    runtime.close()
    print(json.dumps(answers, default=str))


def _contract() -> list[str]:
    subject = subject_of(WEBHOOK, {"signing_secret": SECRET})
    for check in CHECKS:
        check(subject)
    return [check.__name__ for check in CHECKS]


def _retries(**environment: str) -> list[float]:
    """The delays of the platform's retry plan, in milliseconds."""
    settings = read_settings({**os.environ, **environment})
    return list(RetryPlan.from_settings(settings, Platform(WEBHOOK)).delays())


def _definitions() -> list[str]:
    """The names in Dagster that the connector brings."""
    repository = defs.get_repository_def()
    names = [key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()]
    names += [job.name for job in repository.get_all_jobs()]
    names += [one.name for one in repository.schedule_defs]
    return sorted(name for name in names if WEBHOOK in name)


def _by_hand(world: World, receiver: str) -> dict[str, Any]:
    """A person sets the account up in the cockpit, an integration makes the schedule by the API, an operator
    looks at both in a terminal."""
    company = world.company("north")
    runtime, soon = world.runtime, datetime.now(UTC) + timedelta(hours=1)
    session = runtime.sessions.open("ingrid", _ROLES, None, now=datetime.now(UTC), expires_at=soon)
    token = minted(runtime.settings, "ingrid", _ROLES, [str(company)], soon)
    with running(build_context(runtime)) as url:
        page = f"{url}/en/cockpit/{company}/connections/{WEBHOOK}"
        browser = requests.Session()
        browser.cookies.set("impact_in_session", session)
        form = browser.get(page, timeout=60).text
        filled = {
            "form_token": _found(r'name="form_token" value="([^"]+)"', form),
            "base_url": receiver,
            "organization_id": "north",
            "signing_secret": SECRET,
            "option-programName": "Deeds",
            "enabled": "on",
        }
        saved = browser.post(page, data=filled, timeout=60)
        api = requests.Session()
        api.headers["Authorization"] = f"Bearer {token}"
        base = f"{url}/v1/impact-in"
        made = api.post(
            f"{base}/schedules",
            json={"companyId": str(company), "platform": WEBHOOK, "schedule": "daily"},
            timeout=60,
        )
        refused = api.get(f"{base}/deliveries", params={"platform": "gopher"}, timeout=60)
        document = requests.get(f"{base}/openapi.json", timeout=60).text
    return {
        "form": re.findall(r'<span>([^<]+)</span><input name="signing_secret" type="(\w+)"', form),
        "saved": [saved.status_code, "The connection is saved" in saved.text, SECRET in saved.text],
        "made": [made.status_code, made.json().get("platform")],
        "refused": [refused.status_code, refused.text],
        "document": '"benevity","goodera","workday","webhook"' in re.sub(r"\s", "", document),
        "options": re.findall(r'<span[^>]*>([^<]+)</span><input name="option-', form),
        "cli": json.loads(_cli("connections", "list", "north", "--json")),
    }


def _delivered(world: World, receiver: str) -> dict[str, Any]:
    """What is due goes out once, a 503 is tried again, a 401 isn't, limits hold, changes are corrected."""
    runtime = world.runtime
    world.execute(
        "UPDATE scheduled_deliveries SET next_run = date_trunc('day', now()), "
        "fired_until = date_trunc('day', now()) - interval '1 second', covered_until = :day",
        day=day(2),
    )
    for slug, path in (("busy", "/busy"), ("shut", "/shut"), ("slow", "/slow")):
        company = world.company(slug)
        _account(runtime, company, f"{receiver}{path}", 1 if slug == "slow" else None)
        if slug != "slow":
            world.schedule(company, WEBHOOK)
    world.add_partitions("north", "busy", "shut", "slow")
    first = json.loads(_cli("deliver", "--platform", WEBHOOK, "--json", code=1))
    again = json.loads(_cli("deliver", "--platform", WEBHOOK, "--json"))
    world.execute("UPDATE impact_deliveries SET next_attempt_at = now() WHERE status = 'retrying'")
    third = json.loads(_cli("deliver", "--platform", WEBHOOK, "--json"))
    world.execute(
        "DELETE FROM impact_events WHERE event_id = 'e1-1' AND company_id = "
        "(SELECT id FROM companies WHERE slug = 'north')"
    )
    refreshing.company_impact(runtime)
    corrections.compare(runtime)
    (report,) = corrections.stale_reports(runtime)
    corrections.correct(runtime, [report.example.delivery_id], actor="ann")
    _cli("deliver", "--platform", WEBHOOK, "--json")
    limited = _cli(
        *("deliver", "--platform", WEBHOOK, "--company", "slow", "--json"),
        *("--from", str(day(12)), "--to", str(day(1))),
        code=1,
    )
    return {
        "first": first,
        "again": again,
        "third": third,
        "limited": json.loads(limited),
        "log": world.deliveries(WEBHOOK),
        "cells": [
            (slug, str(of)) for slug, of in sorted(world.materialized(WEBHOOK)) if slug != "slow"
        ],
    }


def _account(runtime: Runtime, company: UUID, url: str, a_minute: int | None) -> None:
    found = runtime.companies.find(str(company))
    change = ConnectionChange(
        organization_id=found.slug,
        base_url=url,
        credentials={"signing_secret": SECRET},
        rate_limit_per_minute=a_minute,
    )
    set_connection(runtime, found, Platform(WEBHOOK), change, actor="ann", by_operator=True)


def _cli(*arguments: str, code: int = 0) -> str:
    """What a command prints."""
    result = CliRunner().invoke(app(arguments), arguments)
    assert result.exit_code == code, (arguments, result.output, result.exception)
    return result.stdout


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, text
    return found[1]


if __name__ == "__main__":
    main(sys.argv[1])
