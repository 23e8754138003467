"""Access tokens: OAuth 2.0 client credentials at Workday and Benevity."""

import pytest

from .helpers import TOKEN_FORM, Caller


@pytest.mark.parametrize("platform", ["workday", "benevity"])
def test_good_client_credentials_get_a_bearer_token(caller: Caller, platform: str) -> None:
    """The answer is RFC 6749's and must not be cached; requests and tokens are counted."""
    answer = caller.ask_token(platform)
    assert answer.status_code == 200
    assert answer.json() == {
        "access_token": answer.json()["access_token"],
        "token_type": "Bearer",
        "expires_in": 3600,
    }
    assert answer.headers["Cache-Control"] == "no-store"
    stats = caller.stats(platform)
    assert (stats["tokenRequests"], stats["tokensIssued"], stats["received"]) == (1, 1, 0)


@pytest.mark.parametrize(
    ("field", "value", "status", "error"),
    [
        ("client_secret", "wrong", 401, "invalid_client"),
        ("client_id", "somebody", 401, "invalid_client"),
        ("grant_type", "password", 400, "unsupported_grant_type"),
        ("scope", "everything", 400, "invalid_scope"),
    ],
)
def test_bad_client_credentials_are_refused(
    caller: Caller, field: str, value: str, status: int, error: str
) -> None:
    """The refusal has the platform's shape with RFC 6749's error code."""
    answer = caller.ask_token(**{field: value})
    assert answer.status_code == status
    assert answer.json() == {"success": False, "error": error, "errorCode": "AUTH_INVALID"}
    assert caller.stats("workday")["tokensIssued"] == 0


def test_credentials_in_json_are_refused(caller: Caller) -> None:
    """The form encoding is part of the contract."""
    url = f"{caller.sandbox.workday_url}/oauth2/token"
    answer = caller.session.post(url, json=TOKEN_FORM, timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_token_ends_with_its_lifetime(caller: Caller) -> None:
    """A token whose lifetime is over is refused; the lifetime is told."""
    caller.control.configure(token_lifetime_seconds=0)
    assert caller.ask_token().json()["expires_in"] == 0
    assert caller.send("workday").json()["errorCode"] == "AUTH_INVALID"


def test_all_tokens_can_be_expired_at_once(caller: Caller) -> None:
    """A token is shared by many deliveries until it is expired for all of them."""
    held: dict[str, str | None] = {"Authorization": f"Bearer {caller.token()}"}
    assert caller.send("workday", headers=held).status_code == 200
    assert caller.send("workday", headers=held).status_code == 200
    caller.control.expire_tokens()
    assert caller.send("workday", headers=held).status_code == 401


def test_benevity_takes_a_token_in_place_of_a_key(caller: Caller) -> None:
    """Benevity accounts may use OAuth; a Workday token is no Benevity token."""
    good: dict[str, str | None] = {"Authorization": f"Bearer {caller.token('benevity')}"}
    foreign: dict[str, str | None] = {"Authorization": f"Bearer {caller.token('workday')}"}
    assert caller.send("benevity", headers=good).status_code == 200
    assert caller.send("benevity", headers=foreign).status_code == 401


def test_clients_can_be_replaced(caller: Caller) -> None:
    """A client that was rotated out gets no token."""
    caller.control.configure(oauth_clients={"client-2": "secret-2"})
    assert caller.ask_token().status_code == 401
    assert caller.ask_token(client_id="client-2", client_secret="secret-2").status_code == 200
