"""Which tokens are let in: signature, algorithm, issuer, audience, expiry and claims."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from impact_in_pipelines.api.access.tokens import Authenticator, Principal
from impact_in_pipelines.api.http.problems import ApiProblem
from impact_in_pipelines.errors import InvalidSetting
from impact_in_pipelines.settings import read_settings

SECRET = "a secret for tests that is long enough"
COMPANY = UUID("00000000-0000-4000-8000-000000000001")
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_PEM = RSA_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


class Keys:
    """A key set with one RSA and one EC key."""

    def __init__(self) -> None:
        self._keys = {"rsa": RSA_KEY.public_key(), "ec": EC_KEY.public_key()}

    def key(self, key_id: str | None) -> Any | None:
        return self._keys.get(key_id or "")


class NoKeys:
    """A key set that can't be had."""

    def key(self, key_id: str | None) -> Any | None:
        raise OSError(f"gone, {key_id} too")


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims, with changes; None takes one out."""
    found = {
        "sub": "ingrid",
        "roles": ["ADMIN_CONSOLE"],
        "companies": [str(COMPANY)],
        "exp": datetime.now(UTC) + timedelta(hours=1),
        "iss": "https://id.example",
        "aud": "impact-in",
    } | changes
    return {name: value for name, value in found.items() if value is not None}


def development() -> Authenticator:
    return Authenticator(secret=SECRET)


def production() -> Authenticator:
    return Authenticator(keys=Keys(), issuer="https://id.example", audience="impact-in")


def admitted(authenticator: Authenticator, token: str) -> Principal:
    return asyncio.run(authenticator.authenticate(f"Bearer {token}"))


def refused(authenticator: Authenticator, header: str | None) -> ApiProblem:
    with pytest.raises(ApiProblem) as caught:
        asyncio.run(authenticator.authenticate(header))
    return caught.value


def signed(
    content: Mapping[str, Any], key: Any = SECRET, algorithm: str = "HS256", **head: Any
) -> str:
    return jwt.encode(dict(content), key, algorithm=algorithm, headers=head or None)


def test_a_good_development_token_is_let_in() -> None:
    """Its subject, roles and companies are what it says."""
    found = admitted(development(), signed(claims(aud=None)))

    assert (found.subject, sorted(found.roles)) == ("ingrid", ["ADMIN_CONSOLE"])
    assert found.company_ids == [COMPANY]


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"), [(RSA_KEY, "RS256", "rsa"), (EC_KEY, "ES256", "ec")]
)
def test_tokens_of_the_key_set_are_let_in(key: Any, algorithm: str, kid: str) -> None:
    """RS256 and ES256, by key id."""
    token = signed(claims(), key, algorithm, kid=kid)

    assert admitted(production(), token).subject == "ingrid"


def test_a_star_stands_for_all_companies() -> None:
    """Then queries are bound to none."""
    found = admitted(development(), signed(claims(companies=["*"], aud=None)))

    assert found.company_ids is None
    assert found.may_see(COMPANY)


def test_without_companies_nothing_is_seen() -> None:
    """An absent claim gives no rights."""
    found = admitted(development(), signed(claims(companies=None, aud=None)))

    assert found.company_ids == []
    assert not found.may_see(COMPANY)


def _confused() -> str:
    """HS256 signed with the public RSA key, as if it were a secret (RFC 8725, 2.1)."""
    import base64
    import hashlib
    import hmac
    import json

    def part(value: Mapping[str, Any]) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    content = claims(exp=int((datetime.now(UTC) + timedelta(hours=1)).timestamp()))
    signing = part({"alg": "HS256", "typ": "JWT", "kid": "rsa"}) + b"." + part(content)
    signature = base64.urlsafe_b64encode(hmac.new(RSA_PEM, signing, hashlib.sha256).digest())
    return (signing + b"." + signature.rstrip(b"=")).decode()


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(
            signed(claims(), key="another secret, long enough as well"), id="other secret"
        ),
        pytest.param(signed(claims()), id="HS256 where only a key set is configured"),
        pytest.param(_confused(), id="the public key as a secret"),
        pytest.param(signed(claims(), RSA_KEY, "RS256", kid="ec"), id="key of another kind"),
        pytest.param(signed(claims(), RSA_KEY, "RS256", kid="gone"), id="unknown key id"),
        pytest.param(signed(claims(), RSA_KEY, "RS512", kid="rsa"), id="algorithm not accepted"),
        pytest.param(signed(claims(), RSA_KEY, "PS256", kid="rsa"), id="another padding"),
        pytest.param(
            signed(claims(iss="https://evil.example"), RSA_KEY, "RS256", kid="rsa"), id="iss"
        ),
        pytest.param(signed(claims(iss=None), RSA_KEY, "RS256", kid="rsa"), id="no iss"),
        pytest.param(signed(claims(aud="shop"), RSA_KEY, "RS256", kid="rsa"), id="aud"),
        pytest.param(signed(claims(aud=None), RSA_KEY, "RS256", kid="rsa"), id="no aud"),
        pytest.param(jwt.encode(claims(), "", algorithm="none"), id="unsigned"),
        pytest.param("not.a.token", id="no token"),
        pytest.param("x" * 9_000, id="too long"),
        pytest.param("é", id="not ASCII"),
    ],
)
def test_a_token_that_proves_nothing_is_401(token: str) -> None:
    """The answer says what is wrong, in one line, and challenges (RFC 6750)."""
    problem = refused(production(), f"Bearer {token}")

    assert problem.status_code == 401
    assert 'error="invalid_token"' in (problem.headers or {})["WWW-Authenticate"]


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": datetime.now(UTC) - timedelta(minutes=5)},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "ingrid\nkari"},
        {"sub": "ingrid\0"},
        {"nbf": datetime.now(UTC) + timedelta(days=1)},
        {"roles": "ADMIN_CONSOLE"},
        {"roles": [1]},
        {"companies": ["acme"]},
        {"companies": str(COMPANY)},
        {"exp": 10**20},
        {"exp": "soon"},
    ],
    ids=[
        *("expired", "no exp", "no sub", "empty sub", "sub of two lines", "sub with NUL"),
        *("not yet", "roles a text", "roles a number"),
        *("companies no ids", "companies a text", "exp beyond time", "exp a word"),
    ],
)
def test_claims_that_do_not_hold_are_401(changes: Mapping[str, Any]) -> None:
    """Expired, unlimited, anonymous, or of another shape."""
    token = signed(claims(aud=None, **changes))

    assert refused(development(), f"Bearer {token}").status_code == 401


@pytest.mark.parametrize("header", [None, "", "Basic aW5ncmlkOng=", "Bearer", "Bearer  "])
def test_no_token_is_401_without_an_error_code(header: str | None) -> None:
    """RFC 6750, section 3.1: nothing was wrong with what wasn't there."""
    problem = refused(development(), header)

    assert problem.status_code == 401
    assert "error=" not in (problem.headers or {})["WWW-Authenticate"]


def test_a_little_clock_skew_is_forgiven() -> None:
    """Thirty seconds, not minutes."""
    token = signed(claims(aud=None, exp=datetime.now(UTC) - timedelta(seconds=5)))

    assert admitted(development(), token).subject == "ingrid"


def test_a_key_set_that_cannot_be_had_is_503() -> None:
    """It isn't the token's fault."""
    authenticator = Authenticator(keys=NoKeys(), issuer="https://id.example", audience="impact-in")
    token = signed(claims(), RSA_KEY, "RS256", kid="rsa")

    assert refused(authenticator, f"Bearer {token}").status_code == 503


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({}, "IMPACT_IN_JWT_SECRET"),
        ({"IMPACT_IN_JWKS_URL": "https://id.example/keys"}, "IMPACT_IN_JWT_ISSUER"),
        (
            {"IMPACT_IN_JWKS_URL": "https://id.example/keys", "IMPACT_IN_JWT_ISSUER": "i"},
            "IMPACT_IN_JWT_AUDIENCE",
        ),
    ],
)
def test_without_a_way_to_check_tokens_nothing_starts(
    environment: Mapping[str, str], names: str
) -> None:
    """One line that names the variable."""
    with pytest.raises(InvalidSetting, match=names):
        Authenticator.from_settings(read_settings(environment), lambda _: Keys())


def test_a_short_secret_is_refused_and_not_shown() -> None:
    """It could be guessed."""
    with pytest.raises(InvalidSetting, match="at least 32 characters") as caught:
        read_settings({"IMPACT_IN_JWT_SECRET": "short"})
    assert "short" not in str(caught.value).replace("IMPACT_IN_JWT_SECRET", "")


def test_rights_that_differ_have_other_fingerprints() -> None:
    """An answer that was kept for one set of rights is never given to another."""
    one = admitted(development(), signed(claims(aud=None)))
    more = admitted(development(), signed(claims(aud=None, companies=["*"])))
    again = admitted(development(), signed(claims(aud=None)))

    assert one.fingerprint == again.fingerprint != more.fingerprint
