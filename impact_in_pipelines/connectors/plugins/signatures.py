"""Signatures of call-backs over the raw body, compared in constant time.

`STANDARD`: Standard Webhooks (standardwebhooks.com): `webhook-id`, `webhook-timestamp`,
`webhook-signature: v1,BASE64 …`, secrets as `whsec_BASE64`.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_MOST_SIGNATURES = 10
_PREFIX = "whsec_"


@dataclass(frozen=True, slots=True)
class CallBackSignature:
    """How a platform signs its call-backs.

    `header` (lower case) carries the signature, `headers` are all that count and what each holds, for the
    API's document. `holds` says whether a body is signed with a secret, given the headers by their lower-case
    names. `stamped`: each message has a `webhook-id` and the time of its sending; else its content is its id,
    and the event's own time is all there is, which a repetition carries unchanged.
    """

    header: str
    headers: Mapping[str, str]
    holds: Callable[[str, Mapping[str, str], bytes], bool]
    stamped: bool = True


def holds_in_hex(secret: str, given: str, body: bytes) -> bool:
    """Whether `given` is `sha256=` and the HMAC-SHA256 of `body` in hex."""
    scheme, _, digest = given.partition("=")
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return _same(digest.strip().lower(), expected) and scheme == "sha256"


def standard_holds(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether `body`, its id and its time are signed with `secret`, by one of the signatures given."""
    message = f"{headers.get('webhook-id', '')}.{headers.get('webhook-timestamp', '')}."
    digest = hmac.new(_key(secret), message.encode() + body, hashlib.sha256).digest()
    expected = base64.b64encode(digest).decode()
    holds = False
    for one in headers.get("webhook-signature", "").split()[:_MOST_SIGNATURES]:
        version, _, given = one.partition(",")
        holds |= _same(given, expected) and version == "v1"
    return holds


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


STANDARD = CallBackSignature(
    "webhook-signature",
    {
        "webhook-id": "Standard Webhooks: the message's id",
        "webhook-timestamp": "Standard Webhooks: seconds since 1970 at which it was sent",
        "webhook-signature": "Standard Webhooks: its signatures",
    },
    standard_holds,
)
"""Standard Webhooks."""
