"""Reading what must not stand on a command line, and the key=value options that may."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from impact_in_pipelines.cli.sources import STDIN, read_text
from impact_in_pipelines.connectors.credentials import validate_credentials
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.services.accounts.connections import LONGEST_OPTION

_URL = re.compile(r"https?://[^\s@?#/]+(/[^\s@?#]*)?")


def read_credentials(source: str, platform: Platform) -> dict[str, str]:
    """The JSON object in the file `source` ('-': standard input), fit for an account on `platform`.

    Raises `UsageError`, one line that never shows a value.
    """
    text = read_text(source, "credentials")
    name = "standard input" if source == STDIN else source
    try:
        # The parser's own message carries no text of the document, but its traceback does.
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise UsageError(
            f"credentials in {name} aren't JSON (line {line}); "
            'they must be one object such as {"api_key": "…"}'
        ) from None
    if not isinstance(found, dict):
        raise UsageError(
            f'credentials in {name} must be one JSON object such as {{"api_key": "…"}}'
        )
    validate_credentials(platform, found)
    return found


def checked_url(url: str) -> str:
    """`url` if it can be a platform's base URL. Raises `UsageError` (not showing a password)."""
    if not _URL.fullmatch(url):
        raise UsageError(
            "--base-url must be http(s)://host/path, without user, query or spaces; "
            "credentials go to --credentials FILE"
        )
    return url


def merged_options(
    platform: Platform, stored: Mapping[str, Any], pairs: Sequence[str]
) -> dict[str, Any]:
    """`stored` with the `key=value` pairs over it; an empty value takes the key away.

    Raises `UsageError` for a pair without '=', for a key that the platform's connector doesn't read and for a
    value that is too long.
    """
    options, names = dict(stored), FACTS[platform].options
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or key not in names:
            raise UsageError(
                f"--option {key!r} must be key=value with one of the keys {', '.join(names)}"
            )
        if len(value) > LONGEST_OPTION:
            raise UsageError(f"--option {key} is longer than {LONGEST_OPTION} characters")
        if value:
            options[key] = value
        else:
            options.pop(key, None)
    if options.get("auth", "oauth") not in ("oauth", "api_key"):
        raise UsageError(f"--option auth must be oauth or api_key; it was {options['auth']!r}")
    return options
