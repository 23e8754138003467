"""`token revoke` is given what a token is called or where it stands, and never shows one."""

import jwt
import pytest
from typer.testing import CliRunner

from impact_in_pipelines.cli.accounts.token import app, revoke
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
