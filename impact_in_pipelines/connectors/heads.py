"""Published heads of the chains of evidence, sent to a receiver outside: one POST."""

from typing import Any

import requests
from pydantic import SecretStr

from impact_in_pipelines.errors.retention import HeadsRefused

_ACCEPTED_BELOW = 300


def post_heads(url: SecretStr, document: dict[str, Any], *, timeout_s: float) -> None:
    """POST `document` to `url`, which is a secret and in no error. Raises `HeadsRefused`."""
    try:
        answer = requests.post(
            url.get_secret_value(), json=document, timeout=timeout_s, allow_redirects=False
        )
    except (requests.RequestException, OSError, ValueError) as error:
        raise HeadsRefused(type(error).__name__) from None
    if answer.status_code >= _ACCEPTED_BELOW:
        raise HeadsRefused(f"HTTP {answer.status_code}")
