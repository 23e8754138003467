"""`impact-in token` and the settings that any command reads, by the real command line."""

import jwt
import pytest

from impact_in_pipelines.db.engine import Database

from .cli_harness import Cli

SECRET = "a secret of at least thirty-two characters"
MINT = ("token", "mint", "--company", "*")


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, database: Database) -> Cli:
    """The command line on a database of the test's own."""
    monkeypatch.setenv("IMPACT_IN_JWT_SECRET", SECRET)
    return Cli(monkeypatch, database)


def test_a_token_carries_the_roles_that_were_asked_for(cli: Cli) -> None:
    """Both of them, and who it is for."""
    roles = ("--role", "ADMIN_CONSOLE", "--role", "MANAGE_INTEGRATIONS")
    token = cli.good(*MINT, *roles, "--subject", "ingrid").out.strip()
    claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    assert (claims["sub"], claims["companies"]) == ("ingrid", ["*"])
    assert claims["roles"] == ["ADMIN_CONSOLE", "MANAGE_INTEGRATIONS"]


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        (["ADMIN"], "--role 'ADMIN' must be ADMIN_CONSOLE or MANAGE_INTEGRATIONS"),
        (
            ["MANAGE_INTEGRATIONS"],
            "--role MANAGE_INTEGRATIONS opens nothing alone: add --role ADMIN_CONSOLE",
        ),
    ],
)
def test_a_token_that_would_open_nothing_is_refused(cli: Cli, roles: list[str], said: str) -> None:
    """Rather than found out later, as a 403."""
    options = [word for role in roles for word in ("--role", role)]
    assert cli.refused(*MINT, *options).err == f"error: {said}\n"


def test_a_variable_that_is_no_setting_is_told_and_changes_nothing(cli: Cli) -> None:
    """One line for each, and the command does what it does."""
    ran = cli("companies", "list", "--json", IMPACT_IN_SECRT_KEY="x", SLA_LATENCY_TARGET="1")
    assert (ran.code, ran.json) == (0, [])
    assert ran.err.splitlines() == [
        "warning: IMPACT_IN_SECRT_KEY is no setting and changes nothing; did you mean "
        "IMPACT_IN_SECRET_KEY?",
        "warning: SLA_LATENCY_TARGET is no setting and changes nothing; did you mean "
        "SLA_LATENCY_TARGET_MS?",
    ]
