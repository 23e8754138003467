"""`impact-in connections` on a real database, tried out against the real sandbox."""

import json
import os
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.sandbox.accounts.config import (
    OAUTH_CLIENT_ID,
    OAUTH_CLIENT_SECRET,
    WORKDAY_TENANT,
)
from impact_in_pipelines.sandbox.server import running_sandbox

from .cli_harness import Cli, Ran

KEY = '{"api_key": "k-123456789"}'
WORKDAY = {
    "client_id": OAUTH_CLIENT_ID,
    "client_secret": OAUTH_CLIENT_SECRET,
    "tenant_id": WORKDAY_TENANT,
}


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, database: Database) -> Cli:
    cli = Cli(monkeypatch, database)
    cli.good("companies", "add", "acme", "--name", "Acme")
    return cli


def set_(cli: Cli, *words: str, platform: str = "benevity", stdin: str = "") -> Ran:
    return cli.good("connections", "set", "acme", platform, *words, stdin=stdin)


def test_setting_says_what_is_still_missing_until_it_is_complete(cli: Cli) -> None:
    """Half a connection delivers nothing, and whoever set it hears which half is missing."""
    first = set_(cli, "--organization-id", "acme-org")
    second = set_(cli, "--base-url", "https://api.example.org/v1/")
    third = set_(cli, "--credentials", "-", stdin=KEY)

    assert "--base-url" in first.out
    assert "--credentials" in first.out
    assert "--base-url" not in second.out
    assert "api_key" in second.out
    assert "complete" in third.out


def test_what_is_not_given_stays_and_no_value_of_a_credential_is_ever_shown(
    cli: Cli, tmp_path: Path, database: Database
) -> None:
    """A later `set` changes its own fields only; lists show names of credentials, the table none in clear."""
    file = tmp_path / "credentials.json"
    file.write_text(KEY)
    set_(cli, "--base-url", "https://api.example.org/v1", "--credentials", str(file))
    set_(cli, "--rate-limit", "50", "--max-concurrency", "2", "--option", "programId=p-1")
    set_(cli, "--option", "programName=Mentoring", "--option", "programId=")

    ran = cli.good("connections", "list", "acme", "--json")
    table = cli.good("connections", "list")
    with database.engine.connect() as connection:
        stored = bytes(
            connection.execute(text("SELECT credentials FROM platform_connections")).scalar_one()
        )

    (row,) = ran.json
    assert row["baseUrl"] == "https://api.example.org/v1"
    assert (row["rateLimitPerMinute"], row["maxConcurrency"]) == (50, 2)
    assert row["options"] == {"programName": "Mentoring"}
    assert (row["credentialNames"], row["lacks"]) == (["api_key"], [])
    assert "k-123456789" not in ran.out + table.out
    assert b"k-123456789" not in stored


def test_a_disabled_connection_is_kept_and_shown_as_such(cli: Cli) -> None:
    """Disabling forgets nothing; enabling takes it up again."""
    set_(cli, "--base-url", "https://api.example.org", "--credentials", "-", stdin=KEY)

    disabled = set_(cli, "--disable")
    enabled = set_(cli, "--enable")

    assert "disabled" in disabled.out
    assert "complete" in enabled.out


def test_credentials_of_the_environment_serve_at_its_own_address_only(cli: Cli) -> None:
    """A company's own URL never gets the environment's key, and the list says that it lacks one."""
    environment = {"BENEVITY_API_URL": "https://ours.example.org", "BENEVITY_API_KEY": "ours-123"}
    set_(cli, "--organization-id", "acme-org")
    at_ours = cli("connections", "list", "--json", **environment).json
    set_(cli, "--base-url", "https://theirs.example.org")
    at_theirs = cli("connections", "list", "--json", **environment).json

    assert at_ours[0]["lacks"] == []
    assert "no credentials" in at_theirs[0]["lacks"][0]


def test_accounts_of_the_environment_are_listed_too_without_their_keys(cli: Cli) -> None:
    """They serve every company without its own; what a half-set one lacks is named by its variable."""
    environment = {
        "GOODERA_API_URL": "https://ours.example.org",
        "GOODERA_API_KEY": "ours-123",
        "BENEVITY_API_KEY": "ours-456",
    }
    set_(cli, "--base-url", "https://own.example.org", "--credentials", "-", stdin=KEY)

    table = cli("connections", "list", **environment)
    rows = cli("connections", "list", "--json", **environment).json
    of_acme = cli("connections", "list", "acme", "--json", **environment).json

    assert "(environment)" in table.out
    assert "https://ours.example.org" in table.out
    assert "ours-" not in (table.out + str(rows)).replace("https://ours.example.org", "")
    assert [(row["company"], row["platform"], row["source"]) for row in rows] == [
        ("acme", "benevity", "database"),
        (None, "benevity", "environment"),
        (None, "goodera", "environment"),
    ]
    assert rows[0].keys() == rows[1].keys()
    assert rows[1]["lacks"] == ["no base URL (BENEVITY_API_URL)"]
    assert [row["platform"] for row in of_acme] == ["benevity", "goodera"]


@pytest.mark.parametrize(
    ("words", "stdin", "named"),
    [
        ((), "", "nothing to set"),
        (("--base-url", "https://user:hunter22@example.org"), "", "--base-url"),
        (("--base-url", "ftp://example.org"), "", "--base-url"),
        (("--organization-id", " "), "", "--organization-id"),
        (("--credentials", "no-such-file.json"), "", "no-such-file.json"),
        (("--credentials", "-"), '{"api_key": "hunter22"', "aren't JSON"),
        (("--credentials", "-"), '["hunter22"]', "one JSON object"),
        (("--credentials", "-"), '{"api_keys": "hunter22"}', "missing: api_key"),
        (("--credentials", "-"), '{"api_key": "hunter22\\n"}', "printable ASCII"),
        (("--option", "programid=hunter22"), "", "programId"),
        (("--option", "auth=hunter22"), "", "oauth"),
        (("--option", f"programId=hunter22{193 * 'x'}"), "", "longer than 200 characters"),
    ],
)
def test_bad_input_is_named_and_saves_nothing(
    cli: Cli, words: tuple[str, ...], stdin: str, named: str
) -> None:
    """One line, exit code 2, and no secret in it even where the input is the secret."""
    ran = cli.refused("connections", "set", "acme", "benevity", *words, stdin=stdin)

    assert ran.code == 2
    assert named in ran.err
    assert "hunter22" not in ran.err or "auth" in ran.err
    assert cli.good("connections", "list", "--json").json == []


def test_an_unknown_company_or_platform_is_refused(cli: Cli) -> None:
    """A company that isn't there is exit code 1, a platform that doesn't exist wrong usage."""
    company = cli.refused("connections", "set", "acne", "benevity", "--enable")
    platform = cli("connections", "set", "acme", "benefity", "--enable")

    assert (company.code, platform.code) == (1, 2)
    assert "'acne'" in company.err
    assert "benefity" in platform.err


def test_trying_out_tells_a_good_account_from_a_bad_one(cli: Cli) -> None:
    """An OAuth account is verified by a token; a wrong secret is exit code 1, and isn't shown."""
    with running_sandbox() as sandbox:
        url = ("--base-url", sandbox.workday_url)
        set_(cli, *url, "--credentials", "-", platform="workday", stdin=json.dumps(WORKDAY))
        good = cli.good("connections", "test", "acme", "workday", "--json").json
        wrong = json.dumps(WORKDAY | {"client_secret": "hunter22"})
        set_(cli, "--credentials", "-", platform="workday", stdin=wrong)
        bad = cli("connections", "test", "acme", "workday")

    assert good["ok"] is True
    assert any("access token" in clause for clause in good["verified"])
    assert bad.code == 1
    assert "failed" in bad.out
    assert "hunter22" not in bad.out + bad.err


def test_an_incomplete_account_cannot_be_tried(cli: Cli) -> None:
    """The line says what is missing instead of what a request without it would give."""
    ran = cli.refused("connections", "test", "acme", "goodera")

    assert ran.code == 1
    assert "--base-url" in ran.err
    assert "--credentials" in ran.err


def test_keys_are_rotated_by_command_and_the_old_one_retired(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New key first, rotate, take the old one away: the account is readable; again changes nothing."""
    set_(cli, "--base-url", "https://api.example.org", "--credentials", "-", stdin=KEY)
    old, new = os.environ["IMPACT_IN_SECRET_KEY"], Fernet.generate_key().decode()
    monkeypatch.setenv("IMPACT_IN_SECRET_KEY", f"{new},{old}")

    first = cli.good("connections", "rotate-keys").out
    again = cli.good("connections", "rotate-keys", "--json").json
    monkeypatch.setenv("IMPACT_IN_SECRET_KEY", new)
    (row,) = cli.good("connections", "list", "acme", "--json").json

    assert first == "Encrypted anew: 1 connection, 0 access tokens, 0 notice channels.\n"
    assert again["connections"] == 0
    assert (row["credentialNames"], row["lacks"]) == (["api_key"], [])


def test_a_row_that_no_key_fits_is_listed_and_named(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are listed and rotated; the exit code says that one is left."""
    set_(cli, "--base-url", "https://api.example.org", "--credentials", "-", stdin=KEY)
    monkeypatch.setenv("IMPACT_IN_SECRET_KEY", Fernet.generate_key().decode())
    set_(
        cli,
        "--base-url",
        "https://b.example.org",
        "--credentials",
        "-",
        platform="goodera",
        stdin=KEY,
    )

    rows = {row["platform"]: row for row in cli.good("connections", "list", "--json").json}
    rotated = cli("connections", "rotate-keys")

    assert "can't be decrypted" in rows["benevity"]["lacks"][0]
    assert rows["goodera"]["lacks"] == []
    assert rotated.code == 1
    assert "acme benevity" in rotated.out


def test_another_origin_needs_the_credentials_again(cli: Cli) -> None:
    """A stored key isn't sent to a place that it wasn't entered for; the line says what to add."""
    set_(cli, "--base-url", "https://api.example.org", "--credentials", "-", stdin=KEY)

    ran = cli.refused(
        "connections", "set", "acme", "benevity", "--base-url", "https://evil.example"
    )
    plain = cli.refused(
        "connections", "set", "acme", "goodera", "--base-url", "http://api.example.org"
    )

    assert ran.code == 2
    assert "--credentials" in ran.err
    assert plain.code == 2
    assert "https" in plain.err
