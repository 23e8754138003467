"""`impact-in notices`, `token list|make|revoke` and `overview`, on the real command line."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from factories import World, world_on
from receivers import Receiver, receiving
from sqlalchemy import text
from standardwebhooks import Webhook

from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.sandbox.server import Sandbox

from .cli_harness import Cli


@pytest.fixture
def cli(database: Database, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line on the test's database, with a company on it."""
    found = Cli(monkeypatch, database)
    found.good("companies", "add", "acme", "--name", "Acme", "--timezone", "Europe/Oslo")
    return found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    with receiving() as one:
        yield one


def given_up(database: Database, channel: str) -> str:
    """A message of the channel's that was given up; returns its id."""
    id_ = str(uuid4())
    with database.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO notice_messages (id, company_id, channel_id, key, kind, at, data, created_at, "
                "gave_up_at, last_error) SELECT :id, company_id, id, :id, 'delivery.failed', now(), '{}', "
                "now(), now(), 'it answered 500' FROM notice_channels WHERE id = :channel"
            ),
            {"id": id_, "channel": channel},
        )
    return id_


def test_a_webhook_from_its_address_to_its_removal(
    cli: Cli, receiver: Receiver, database: Database, tmp_path: Path
) -> None:
    """Added with an address that stands in no list of processes, tried out, rotated, removed; each
    change is in the audit log with who did it."""
    file = tmp_path / "address"
    file.write_text(f"{receiver.url}/hook?key=secret\n")
    words = ("notices", "add", "acme", "webhook", "--name", "Intranet", "--by", "kari")
    made = cli.good(*words, "--url-from", str(file), "--on", "delivery.failed", "--json").json
    channel = made["channel"]["id"]
    assert made["channel"]["shown"] == f"{receiver.url}/hook?…"
    assert made["channel"]["kinds"] == ["delivery.failed"]
    assert made["channel"]["timezone"] == "Europe/Oslo"

    assert "accepted it" in cli.good("notices", "test", "acme", "intranet", "--by", "kari").out
    (posted,) = receiver.posted
    Webhook(made["secret"]).verify(posted.body, dict(posted.headers))
    (row,) = cli.good("notices", "list", "acme", "--json").json
    assert row["lastSuccessAt"]
    assert cli.good("notices", "list", "acme").out.count("works") == 1

    rotated = cli.good("notices", "rotate-secret", "acme", channel[:8], "--by", "kari")
    assert "whsec_" in rotated.out
    assert made["secret"] not in rotated.out

    gone = given_up(database, channel)
    shown = cli.good("notices", "log", "acme", "Intranet", "--state", "failed").out
    assert gone in shown
    assert f"notices send-again acme {channel[:8]} --all-failed" in shown
    (failed,) = cli.good("notices", "log", "acme", channel, "--state", "failed", "--json").json
    assert (failed["id"], failed["state"]) == (gone, "failed")
    again = ("notices", "send-again", "acme", "Intranet")
    assert cli.good(*again, gone, "--by", "kari", "--json").json == {"ids": [gone]}
    assert "could be sent again" in cli.refused(*again, gone).err
    assert "Nothing was given up" in cli.good(*again, "--all-failed").out
    assert "give the ids of messages" in cli.refused(*again).err

    off = cli.good("notices", "change", "acme", "Intranet", "--disable", "--by", "kari", "--json")
    assert off.json["enabled"] is False
    assert "off: by a person" in " ".join(cli.good("notices", "list", "acme").out.split())
    cli.good("notices", "remove", "acme", "Intranet", "--by", "kari")
    assert "notices add acme email" in cli.good("notices", "list", "acme").out
    with database.engine.connect() as connection:
        actions = connection.scalars(
            text("SELECT action FROM audit_log WHERE actor = 'kari' ORDER BY at")
        ).all()
    assert [one.partition(".")[2] for one in actions] == [
        *("add", "test", "rotate_secret", "send_again", "set", "remove")
    ]


def test_a_test_that_is_refused_says_why_and_leaves_with_one(cli: Cli, receiver: Receiver) -> None:
    """A script sees that it didn't work, a person why."""
    cli.good(
        *("notices", "add", "acme", "slack", "--name", "csr", "--url-from", "-"),
        stdin=receiver.url + "/services/T/B/secret",
    )
    receiver.answers.append(404)
    ran = cli("notices", "test", "acme", "csr", "--json")
    assert (ran.code, ran.json["ok"], ran.json["httpStatus"]) == (1, False, 404)
    listed = cli.good("notices", "list", "acme").out + cli.good("notices", "log", "acme", "csr").out
    assert "/services" not in listed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["email", "--name", "HR"], "say whom e-mails go to, with --to ADDRESS"),
        (["email", "--name", "HR", "--to", "a@b.example"], "set SMTP_HOST and SMTP_FROM"),
        (["email", "--name", "HR", "--url-from", "-"], "an e-mail goes to addresses"),
        (["webhook", "--name", "x", "--to", "a@b.example"], "--to is for e-mails"),
        (["webhook", "--name", "x"], "give a file with the address by --url-from FILE"),
        (
            ["webhook", "--name", "x", "--url-from", "nowhere"],
            "can't be read from nowhere: No such file",
        ),
        (["webhook", "--name", " ", "--url-from", "-"], "give it with --name"),
    ],
)
def test_channels_that_can_not_be_are_refused_in_one_line(
    cli: Cli, words: list[str], said: str
) -> None:
    """Which says what to give instead."""
    ran = cli.refused("notices", "add", "acme", *words, stdin="http://127.0.0.1:9/x")
    assert said in ran.err


def test_a_channel_is_its_own_companys(cli: Cli) -> None:
    """Another company's is unknown, by name and by id."""
    cli.good("companies", "add", "other", "--name", "Other")
    made = cli.good(
        *("notices", "add", "other", "webhook", "--name", "theirs", "--url-from", "-", "--json"),
        stdin="http://127.0.0.1:9/x",
    ).json
    for called in ("theirs", made["channel"]["id"]):
        assert "impact-in notices list" in cli.refused("notices", "log", "acme", called).err


def test_a_named_token_is_made_listed_and_revoked(cli: Cli, database: Database) -> None:
    """Printed once, alone on standard output; afterwards it is known by its name."""
    made = cli.good("token", "make", "acme", "Nightly export", "--days", "7", "--by", "kari")
    token = made.out.strip()
    assert token.startswith("impactin_")
    assert "impact-in token revoke --company acme" in made.err
    (row,) = cli.good("token", "list", "acme", "--json").json
    assert (row["roles"], row["createdBy"]) == (["ADMIN_CONSOLE"], "kari")
    assert datetime.fromisoformat(row["expiresAt"]) < datetime.now(UTC) + timedelta(days=8)
    assert token not in cli.good("token", "list", "acme").out
    changing = cli.good("token", "make", "acme", "HR system", "--can-change", "--json").json
    assert changing["listed"]["roles"] == ["ADMIN_CONSOLE", "MANAGE_INTEGRATIONS"]

    ended = cli.good("token", "revoke", "--company", "acme", "Nightly export", "--by", "kari")
    assert "Nightly export of acme is refused from now on" in ended.out
    refused = cli.refused("token", "revoke", "--company", "acme", "Nightly export")
    assert "impact-in token list COMPANY" in refused.err
    cli.good("token", "revoke", "--company", "acme", changing["listed"]["id"][:8])
    assert {row["revokedBy"] for row in cli.good("token", "list", "acme", "--json").json} >= {
        "kari"
    }


def test_the_overview_is_the_apis_document_and_fits_a_terminal(
    cli: Cli, database: Database, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Platforms, the worst companies, open incidents."""
    assert "No company has anything wrong." in cli.good("overview").out
    with world_on(database.url, sandbox) as world:
        _wrong(world)
    monkeypatch.setenv("COLUMNS", "80")
    shown = cli.good("overview").out
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "1 critical" in shown
    assert "Open incidents: 1 critical, 0 warning. See: impact-in incidents list" in shown
    found = cli.good("overview", "--json").json
    assert [one["platform"] for one in found["platforms"]] == ["benevity", "goodera", "workday"]
    assert (found["worst"][0]["slug"], found["troubledCompanies"]) == ("acme", 1)


def _wrong(world: World) -> None:
    world.execute(
        "INSERT INTO incidents (company_id, platform, type, severity, threshold, actual, opened_at) "
        "SELECT id, 'benevity', 'latency', 'critical', 5, 9, now() FROM companies WHERE slug = 'acme'"
    )
