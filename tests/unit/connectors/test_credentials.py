"""Which credentials an account must have."""

import pytest

from connectors.helpers import CREDENTIALS, connection
from impact_in_pipelines.connectors.credentials import (
    check_account,
    evidence,
    redactor_for,
    validate_credentials,
)
from impact_in_pipelines.delivery.model import Connection
from impact_in_pipelines.delivery.origins import is_plain_address
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.errors.accounts import (
    AddressMalformed,
    ClientMissing,
    InvalidCredentials,
    OrganizationMissing,
)
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.wording import sentence

OAUTH = {"client_id": "c-1", "client_secret": "s-12345678"}


@pytest.mark.parametrize("platform", list(Platform))
def test_a_complete_set_is_taken(platform: Platform) -> None:
    """The sets of `platforms.FACTS`; Benevity has two."""
    validate_credentials(platform, CREDENTIALS[platform])
    validate_credentials(Platform.BENEVITY, OAUTH)


@pytest.mark.parametrize(
    ("platform", "credentials", "words"),
    [
        (Platform.BENEVITY, {}, ["api_key", "client_id, client_secret", "missing"]),
        (Platform.BENEVITY, {"client_id": "c"}, ["missing: client_secret"]),
        (Platform.BENEVITY, {"api_key": "k", "token": "t"}, ["too much: token"]),
        (Platform.GOODERA, OAUTH, ["missing: api_key", "too much: client_id, client_secret"]),
        (Platform.WORKDAY, OAUTH, ["missing: tenant_id"]),
        (Platform.GOODERA, {"api_key": ""}, ["api_key is empty"]),
        (Platform.GOODERA, {"api_key": 5}, ["api_key must be a string"]),
        (Platform.GOODERA, {"api_key": "s3cret\r\nX: y"}, ["api_key must be printable ASCII"]),
        (Platform.GOODERA, {"api_key": "s3cret "}, ["api_key must be printable ASCII"]),
        (Platform.GOODERA, {"api_key": "s3crét"}, ["api_key must be printable ASCII"]),
    ],
)
def test_a_wrong_set_is_named_in_one_line_without_values(
    platform: Platform, credentials: dict[str, object], words: list[str]
) -> None:
    """What is missing, what is too much, what can't be used; never a value."""
    with pytest.raises(InvalidCredentials) as caught:
        validate_credentials(platform, credentials)
    message = sentence(caught.value)
    assert all(word in message for word in words)
    assert "\n" not in message
    assert "s3cr" not in message


def test_the_kind_of_credentials_tells_how_an_account_authenticates() -> None:
    """A client id and secret mean OAuth, a key doesn't."""
    assert connection(Platform.WORKDAY).uses_oauth
    assert connection(Platform.BENEVITY, credentials=OAUTH).uses_oauth
    assert not connection(Platform.BENEVITY).uses_oauth


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/x",
        "host/x",
        "https://user:pw@host/x",
        "https://host/x?key=1",
        "https://h/a b",
        "https://elsewhere.example\\@host/x",
        "https://elsewhere.example\\.host/x",
        "https://ho%2est/x",
        "https://host/x\u202e",
        "https://ho\tst/x",
        "https://host:99999/x",
        "",
    ],
)
def test_a_base_url_must_be_a_plain_address(url: str) -> None:
    """The endpoint is appended to it; credentials don't belong there and aren't shown."""
    with pytest.raises(AddressMalformed) as caught:
        check_account(connection(Platform.GOODERA, url))
    assert "pw" not in f"{caught.value} {sentence(caught.value)}"


@pytest.mark.parametrize(
    "url",
    [
        "https://bücher.example/v2",
        "https://उदाहरण.परीक्षा",
        "https://ตัวอย่าง.ไทย/x",
        "https://host:/x",
        "http://[::1]:3999/x",
    ],
)
def test_a_host_may_be_written_in_any_script(url: str) -> None:
    """Also in those whose letters carry marks of their own."""
    assert is_plain_address(url)


def test_an_oauth_account_without_a_client_is_refused() -> None:
    """The option asks for what the credentials don't have."""
    with pytest.raises(ClientMissing):
        check_account(connection(Platform.BENEVITY, options={"auth": "oauth"}))


def test_an_account_without_organisation_is_refused() -> None:
    """No contract knows whom the figures are about then."""
    with pytest.raises(OrganizationMissing):
        check_account(connection(Platform.GOODERA, organization_id=""))


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (connection(Platform.WORKDAY, credentials={"api_key": "s3cret"}), "must be exactly"),
        (connection(Platform.GOODERA, credentials={"api_key": "s3cret "}), "api_key can't be used"),
        (connection(Platform.BENEVITY, options={"auth": "oauth"}), "set to OAuth"),
        (connection(Platform.GOODERA, organization_id=""), "no organisation id"),
        (connection(Platform.GOODERA, "ftp://s3cret@host"), "base URL must be"),
    ],
)
def test_the_log_keeps_a_sentence_about_an_account_that_is_refused(
    account: Connection, words: str
) -> None:
    """The log's evidence is read by people, also years later: a sentence, no code, no value."""
    with pytest.raises(UsageError) as caught:
        check_account(account)
    kept = evidence(caught.value)
    assert words in kept
    assert "s3cret" not in kept


def test_a_tenants_id_is_no_secret() -> None:
    """Errors about the tenant stay readable; the client's secret does not."""
    redactor = redactor_for(connection(Platform.WORKDAY), "live-token-1")
    shown = redactor.text("acme-tenant: secret/0815+xyz live-token-1")
    assert shown == "acme-tenant: *** ***"
