"""Signatures of call-backs over the raw body."""

import base64
import hashlib
import hmac
import re
from pathlib import Path
from typing import Any

import pytest

from impact_in_pipelines.connectors.plugin import STANDARD, platform_plugin
from impact_in_pipelines.platforms import Platform

benevity_holds = platform_plugin(Platform.BENEVITY).call_backs.holds
standard_holds = STANDARD.holds
BODY = b'{"transactionId": "t-1", "status": "failed"}'
SECRET = "a secret of one account"


def _benevity(secret: str = SECRET, body: bytes = BODY) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _standard(key: bytes, body: bytes = BODY, id_: str = "m-1", at: str = "1700000000") -> str:
    digest = hmac.new(key, f"{id_}.{at}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def test_benevitys_signature_holds_for_its_body_and_secret_only() -> None:
    """One byte more, or another secret, and it doesn't."""
    headers = {"x-benevity-signature": _benevity()}

    assert benevity_holds(SECRET, headers, BODY)
    assert benevity_holds(
        SECRET, {"x-benevity-signature": _benevity().upper().replace("SHA", "sha")}, BODY
    )
    assert not benevity_holds(SECRET, headers, BODY + b" ")
    assert not benevity_holds("another", headers, BODY)


@pytest.mark.parametrize(
    "header", ["", "sha256=", "sha1=abc", _benevity()[7:], "sha256=é", "sha512=" + _benevity()[7:]]
)
def test_what_is_no_signature_of_benevitys_does_not_hold(header: str) -> None:
    """Nor does it fail."""
    assert not benevity_holds(SECRET, {"x-benevity-signature": header}, BODY)


def test_the_published_example_of_standard_webhooks_holds() -> None:
    """The specification's own test vector."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }

    assert standard_holds(secret, headers, body)


@pytest.mark.parametrize("change", ["webhook-id", "webhook-timestamp"])
def test_id_and_time_are_signed_too(change: str) -> None:
    """Else an old message would pass for a new one."""
    headers = {
        "webhook-id": "m-1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": _standard(SECRET.encode()),
    }
    assert standard_holds(SECRET, headers, BODY)

    assert not standard_holds(SECRET, {**headers, change: "1700000001"}, BODY)


def test_the_documents_way_to_sign_holds() -> None:
    """What docs/api.md tells a platform to do is what is checked."""
    page = Path(__file__).parents[3] / "docs" / "api.md"
    (code,) = re.findall(r"```python\n(import base64.*?)```", page.read_text(), re.DOTALL)
    told: dict[str, Any] = {}
    exec(code, told)
    secret = "whsec_" + base64.b64encode(b"a key of thirty-two bytes or so.").decode()

    headers = {k.lower(): v for k, v in told["benevity"](SECRET, BODY).items()}
    assert benevity_holds(SECRET, headers, BODY)
    assert standard_holds(secret, told["standard"](secret, BODY), BODY)


def test_one_of_several_signatures_suffices() -> None:
    """While a secret is changed, both are sent; versions that aren't known don't count."""
    good = _standard(SECRET.encode())
    headers = {"webhook-id": "m-1", "webhook-timestamp": "1700000000"}

    assert standard_holds(SECRET, {**headers, "webhook-signature": f"v1,AAAA {good}"}, BODY)
    assert not standard_holds(
        SECRET, {**headers, "webhook-signature": good.replace("v1,", "v2,")}, BODY
    )


def test_a_secret_that_is_no_base64_is_taken_as_it_is() -> None:
    """whsec_ alone proves nothing about the rest."""
    secret = "whsec_not base64!"
    headers = {
        "webhook-id": "m-1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": _standard(secret.encode()),
    }

    assert standard_holds(secret, headers, BODY)
