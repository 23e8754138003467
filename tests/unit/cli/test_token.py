"""`token revoke` is given what a token is called or where it stands, and never shows one."""

import jwt
import pytest
from typer.testing import CliRunner

from impact_in_pipelines.cli.accounts.token import app, revoke
from impact_in_pipelines.cli.app import app as whole
from impact_in_pipelines.errors import UsageError

JWT = jwt.encode({"sub": "kari"}, "a secret for tests that is long enough", algorithm="HS256")
OURS = "impactin_" + "Ab3_-" * 8


@pytest.mark.parametrize("token", [JWT, OURS, f"Bearer {JWT}"], ids=["jwt", "ours", "header"])
@pytest.mark.parametrize("company", [None, "acme"])
def test_a_token_on_the_command_line_is_not_repeated(token: str, company: str | None) -> None:
    """It was printed as a file that can't be read, or as a name that nobody has."""
    with pytest.raises(UsageError) as refused:
        revoke(token, company=company)
    said = str(refused.value)
    assert token not in said
    assert "file" in said


def test_help_asks_for_no_token_there() -> None:
    help_ = CliRunner().invoke(app, ["revoke", "--help"]).output
    assert "FILE|NAME" in help_
    assert "FILE|TOKEN" not in help_


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        (["ADMIN"], "--role 'ADMIN' must be ADMIN_CONSOLE or MANAGE_INTEGRATIONS"),
        (["MANAGE_INTEGRATIONS"], "opens nothing alone: add --role ADMIN_CONSOLE"),
    ],
)
@pytest.mark.parametrize("command", [["token", "mint"], ["sessions", "link"]], ids=" ".join)
def test_roles_are_checked_wherever_a_token_is_made(
    command: list[str], roles: list[str], said: str
) -> None:
    """A link with a role that there isn't would let somebody in and show them nothing."""
    options = [word for role in roles for word in ("--role", role)]
    done = CliRunner().invoke(whole(command), [*command, *options, "--company", "*"])
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)
