"""Signatures of call-backs over the raw body, compared in constant time.

Benevity: `X-Benevity-Signature: sha256=HEX`. The others: Standard Webhooks (standardwebhooks.com):
`webhook-id`, `webhook-timestamp`, `webhook-signature: v1,BASE64 …`, secrets as `whsec_BASE64`.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

_MOST_SIGNATURES = 10
_PREFIX = "whsec_"


def benevity_holds(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether `body` is signed with `secret`."""
    scheme, _, given = headers.get("x-benevity-signature", "").partition("=")
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return _same(given.strip().lower(), expected) and scheme == "sha256"


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
