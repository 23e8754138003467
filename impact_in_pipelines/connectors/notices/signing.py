"""Signatures of outgoing webhooks (Standard Webhooks, standardwebhooks.com, version 1)."""

import base64
import hashlib
import hmac
import secrets as random_bytes
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

PREFIX = "whsec_"
_BYTES = 32


def new_secret() -> str:
    """A secret of 256 random bits, as `whsec_` and Base64."""
    return PREFIX + base64.b64encode(random_bytes.token_bytes(_BYTES)).decode()


def signed_headers(
    message_id: UUID, at: datetime, body: bytes, secrets: Sequence[str]
) -> dict[str, str]:
    """The headers that prove to the receiver who sent `body`, and when: one signature for each of `secrets`,
    so that a receiver that knows either of two takes it while a secret is being replaced."""
    identity, stamp = f"msg_{message_id.hex}", str(int(at.timestamp()))
    content = f"{identity}.{stamp}.".encode() + body
    return {
        "webhook-id": identity,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{_signature(one, content)}" for one in secrets),
    }


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
