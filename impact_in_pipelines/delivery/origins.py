"""Where a base URL leads: its origin (RFC 6454), to which credentials are bound."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}
# Names of hosts in any script: Devanagari and Thai are written with marks, which are no letters to `\w`.
_HOST = r"\[[0-9A-Fa-f:.]+\]|[^\s@?#/\\:%\[\]]+"
_PLAIN = re.compile(rf"https?://(?:{_HOST})(?::[0-9]{{0,5}})?(?:/[^\s@?#\\]*)?")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host in lower case without a final dot or brackets, and port."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """The host, in brackets if it is an IPv6 address, and the port unless it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS.get(self.scheme) else f"{host}:{self.port}"


@lru_cache(maxsize=4_096)
def origin_of(url: str) -> Origin | None:
    """The origin of an http or https URL; None for anything else, and for a host with a backslash: what sends
    takes the text before it for the host, and what parses here all of it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "\\" in parts.netloc:
        return None
    host = parts.hostname.rstrip(".").lower()
    return Origin(parts.scheme, host, _PORTS[parts.scheme] if port is None else port)


@lru_cache(maxsize=4_096)
def is_plain_address(url: str) -> bool:
    """Whether `url` can be a base URL: http(s)://host:port/path without user, query, fragment, backslash,
    spaces or what can't be seen, so that everybody who parses it finds the same host in it."""
    return url.isprintable() and _PLAIN.fullmatch(url) is not None and origin_of(url) is not None
