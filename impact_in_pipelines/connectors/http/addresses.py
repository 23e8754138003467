"""Which addresses a base URL may lead to (docs/security.md): public ones over TLS, and what the operator
allows.

A name is resolved, its addresses are checked, and the connection is made to a checked address: an answer that
changes between check and use (DNS rebinding) changes nothing.
"""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from impact_in_pipelines.delivery.origins import Origin, origin_of
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import Settings

Resolver = Callable[[str, int], Sequence[str]]
"""The addresses of a host, in the order they are tried. Raises `socket.gaierror`."""

# A translator of IPv6 to IPv4 (RFC 6052) leads to the IPv4 address in the last four bytes.
_NAT64 = ip_network("64:ff9b::/96")


class AddressFault(StrEnum):
    """Why nothing is sent to an address."""

    NOT_ENCRYPTED = "not_encrypted"
    NOT_PUBLIC = "not_public"


class AddressRefused(ValueError):
    """Nothing is sent: the host has no address that may be used. No `OSError`, so that neither urllib3 nor
    requests takes it for a lost connection."""

    def __init__(self, fault: AddressFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def system_resolver(host: str, port: int) -> list[str]:
    """What the machine's resolver says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class AddressPolicy:
    """What may be connected to.

    `own_urls` are the base URLs of the operator's environment, by platform; `names` and `networks` are
    `IMPACT_IN_ALLOWED_HOSTS`. `development` (the embedded database) allows the loopback as well. In both
    cases it must be written as such, `localhost` or an address: a name that resolves to it may not be used,
    and a tenant may not name it.
    """

    own_urls: dict[Platform, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    development: bool = False
    resolver: Resolver = system_resolver

    @classmethod
    def from_settings(
        cls, settings: Settings, *, resolver: Resolver = system_resolver
    ) -> "AddressPolicy":
        """The policy of these settings."""
        names, networks = set(), []
        for entry in settings.allowed_hosts:
            network = _network(entry)
            if network is None:
                names.add(entry.rstrip(".").lower())
            else:
                networks.append(network)
        urls = {platform: settings.platform_url(platform) for platform in Platform}
        return cls(
            own_urls={platform: url for platform, url in urls.items() if url},
            names=frozenset(names),
            networks=tuple(networks),
            development=settings.database_url is None,
            resolver=resolver,
        )

    def fault_of(
        self, url: str, platform: Platform | None, *, by_operator: bool
    ) -> AddressFault | None:
        """Why `url` may not be stored, as far as that shows without resolving its name; None: it may. Without
        a `platform` it is no base URL, but where a company is notified.

        A tenant may name the very URL of the operator's environment, another place on that host only if it is
        public (the one name that is resolved here), and no loopback address that `development` alone would
        allow.
        """
        own = self.own_urls.get(platform) if platform else None
        if own is not None and url.rstrip("/") == own.rstrip("/"):
            return None
        origin = origin_of(url)
        if origin is None:
            return AddressFault.NOT_ENCRYPTED
        loopback = _is_written_loopback(origin.host)
        if loopback and not by_operator:
            encrypted = origin.scheme == "https"
            return AddressFault.NOT_PUBLIC if encrypted else AddressFault.NOT_ENCRYPTED
        if self._is_named(origin.host):
            return None
        if by_operator and (self._is_own(origin) or (loopback and self.development)):
            return None
        literal = _literal(origin.host)
        if literal is not None and self._is_listed(literal):
            return None
        if origin.scheme != "https":
            return AddressFault.NOT_ENCRYPTED
        if loopback or (literal is not None and not is_public(literal)):
            return AddressFault.NOT_PUBLIC
        if self._is_own(origin) and not self._is_all_public(origin):
            return AddressFault.NOT_PUBLIC
        return None

    def addresses(self, scheme: str, host: str, port: int) -> list[str]:
        """The addresses of `host` that may be connected to, at least one. Raises `AddressRefused`, and
        `socket.gaierror` for a name that isn't known."""
        origin = Origin(scheme, host.strip("[]").rstrip(".").lower(), port)
        found = list(self.resolver(origin.host, port))
        if self._is_own(origin) or self._is_named(origin.host):
            return found
        allowed, fault = [], AddressFault.NOT_PUBLIC
        for text in found:
            address = _literal(text)
            if address is None:
                continue
            if _inner(address).is_loopback:
                # Who controls a name's addresses must not get in by what is listed for the operator.
                written = _is_written_loopback(origin.host)
                if written and (self.development or self._is_listed(address)):
                    allowed.append(text)
            elif self._is_listed(address):
                allowed.append(text)
            elif is_public(address):
                if scheme == "https":
                    allowed.append(text)
                else:
                    fault = AddressFault.NOT_ENCRYPTED
        if not allowed:
            raise AddressRefused(fault)
        return allowed

    def _is_all_public(self, origin: Origin) -> bool:
        """Asked for another place on the operator's own host: `addresses` would not check it."""
        try:
            found = [_literal(text) for text in self.resolver(origin.host, origin.port)]
        except OSError:
            return False
        return all(one and (is_public(one) or self._is_listed(one)) for one in found)

    def _is_own(self, origin: Origin) -> bool:
        return any(origin_of(url) == origin for url in self.own_urls.values())

    def _is_named(self, host: str) -> bool:
        return host in self.names or any(
            name.startswith(".") and host.endswith(name) for name in self.names
        )

    def _is_listed(self, address: IPv4Address | IPv6Address) -> bool:
        return any(_inner(address) in network for network in self.networks) or any(
            address in network for network in self.networks
        )


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address is anybody's on the internet: not private, shared, loopback, link-local,
    multicast or reserved, nor an IPv6 form of such an IPv4 address."""
    inner = _inner(address)
    # Site-local ones (fec0::/10) are out of use, and private wherever somebody still uses them.
    if isinstance(inner, IPv6Address) and inner.is_site_local:
        return False
    return inner.is_global and not inner.is_multicast and not inner.is_reserved


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for, or the address itself."""
    if not isinstance(address, IPv6Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        return None


def _is_written_loopback(host: str) -> bool:
    literal = _literal(host)
    if literal is not None:
        return _inner(literal).is_loopback
    return host == "localhost" or host.endswith(".localhost")
