"""Where a base URL may lead (docs/security.md). The tests resolve names: nothing leaves the loopback."""

import socket
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from connectors.helpers import (
    MemoryTokens,
    answers,
    connection,
    http_answer,
    raw_server,
    settings,
    shipment,
)
from impact_in_pipelines.connectors.http.addresses import (
    AddressFault,
    AddressPolicy,
    AddressRefused,
    is_public,
)
from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.connectors.registry import connector_for
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.errors import InvalidSetting
from impact_in_pipelines.platforms import Platform

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
PRODUCTION = {"DATABASE_URL": "postgresql://db/x", "IMPACT_IN_SECRET_KEY": KEY}
PUBLIC = "93.184.215.14"


def policy(*addresses: str, **environment: str) -> AddressPolicy:
    """What a deployment's settings allow, where every name has these addresses."""

    def resolver(host: str, _port: int) -> Sequence[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            return addresses

    return AddressPolicy.from_settings(settings(**{**PRODUCTION, **environment}), resolver=resolver)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.5",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "fec0::1",
        "::7f00:1",
        "::ffff:0:7f00:1",
        "64:ff9b:1::a00:1",
        "2001:0:a00:1::",
        "::ffff:10.0.0.5",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
    ],
)
def test_what_is_not_public_is_refused_however_it_is_written(address: str) -> None:
    """Loopback, private, link-local, shared, multicast and reserved, and their IPv6 forms."""
    assert not is_public(ip_address(address))
    with pytest.raises(AddressRefused) as caught:
        policy(address).addresses("https", "api.example.org", 443)
    assert caught.value.fault is AddressFault.NOT_PUBLIC


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_a_public_address_is_used_over_tls_only(address: str) -> None:
    """http would carry the key in clear."""
    assert policy(address).addresses("https", "api.example.org", 443) == [address]
    with pytest.raises(AddressRefused) as caught:
        policy(address).addresses("http", "api.example.org", 80)
    assert caught.value.fault is AddressFault.NOT_ENCRYPTED


def test_a_listed_loopback_is_not_reached_by_another_name() -> None:
    """The list is the operator's: a tenant's name that resolves to the loopback doesn't profit by it."""
    listed = policy("127.0.0.1", IMPACT_IN_ALLOWED_HOSTS="127.0.0.0/8,::1,localhost")
    with pytest.raises(AddressRefused):
        listed.addresses("https", "rebound.example.org", 443)
    fault = listed.fault_of("https://127.0.0.1", Platform.BENEVITY, by_operator=False)
    assert fault is AddressFault.NOT_PUBLIC
    assert listed.fault_of("http://127.0.0.1:1", Platform.BENEVITY, by_operator=True) is None


def test_of_mixed_addresses_only_the_public_ones_are_used() -> None:
    """A name may not smuggle a private address in beside a public one."""
    assert policy("10.0.0.5", PUBLIC).addresses("https", "a.example.org", 443) == [PUBLIC]


@pytest.mark.parametrize(
    ("allowed", "host", "address"),
    [
        ("10.1.0.0/16", "gateway.example.org", "10.1.2.3"),
        ("gateway.example.org", "gateway.example.org", "10.9.9.9"),
        (".internal", "gateway.internal", "10.9.9.9"),
        ("::1,127.0.0.1", "127.0.0.1", "127.0.0.1"),
    ],
)
def test_the_operator_may_allow_hosts_and_networks(allowed: str, host: str, address: str) -> None:
    """By name, by suffix, by address and by network; then also without TLS."""
    found = policy(address, IMPACT_IN_ALLOWED_HOSTS=allowed)
    assert found.addresses("http", host, 80) == [address]
    with pytest.raises(AddressRefused):
        policy(address).addresses("http", host, 80)


def test_the_environments_own_address_is_the_operators_decision() -> None:
    """`BENEVITY_API_URL=http://127.0.0.1:3999/benevity` works; another port on that host doesn't."""
    found = policy(BENEVITY_API_URL="http://127.0.0.1:3999/benevity")
    assert found.addresses("http", "127.0.0.1", 3999) == ["127.0.0.1"]
    with pytest.raises(AddressRefused):
        found.addresses("http", "127.0.0.1", 5432)


def test_development_allows_a_loopback_that_is_written_as_one() -> None:
    """With the embedded database; a name that turns out to be the loopback stays refused."""
    development = AddressPolicy.from_settings(settings(), resolver=lambda *_: ["127.0.0.1"])
    assert development.addresses("http", "127.0.0.1", 3999) == ["127.0.0.1"]
    assert development.addresses("http", "localhost", 3999) == ["127.0.0.1"]
    with pytest.raises(AddressRefused):
        development.addresses("https", "rebound.example.org", 443)


@pytest.mark.parametrize(
    ("url", "tenant", "operator"),
    [
        ("https://api.example.org/v1", None, None),
        ("http://api.example.org", "not_encrypted", "not_encrypted"),
        ("http://127.0.0.1:3999", "not_encrypted", None),
        ("https://127.0.0.1:3999", "not_public", None),
        ("https://localhost", "not_public", None),
        ("https://10.0.0.1", "not_public", "not_public"),
        ("https://[::ffff:10.0.0.1]", "not_public", "not_public"),
        ("http://127.0.0.1:4000/benevity", None, None),
        ("http://127.0.0.1:4000/elsewhere", "not_encrypted", None),
    ],
)
def test_what_may_be_stored_depends_on_who_asks(
    url: str, tenant: str | None, operator: str | None
) -> None:
    """A tenant never names a loopback, nor another place on the operator's own host."""
    development = AddressPolicy.from_settings(
        settings(BENEVITY_API_URL="http://127.0.0.1:4000/benevity")
    )
    assert development.fault_of(url, Platform.BENEVITY, by_operator=False) == tenant
    assert development.fault_of(url, Platform.BENEVITY, by_operator=True) == operator


@pytest.mark.parametrize(
    ("addresses", "fault"), [(["10.9.9.9"], "not_public"), ([], "not_public"), ([PUBLIC], None)]
)
def test_another_place_on_the_operators_host_must_be_public(
    addresses: list[str], fault: str | None
) -> None:
    """The operator's own host is not checked when connecting, so a tenant that named another path there, or
    its address under another platform, would reach into the operator's network."""

    def resolver(host: str, _port: int) -> list[str]:
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return addresses

    found = AddressPolicy.from_settings(
        settings(**PRODUCTION, BENEVITY_API_URL="https://gateway.corp.example/benevity"),
        resolver=resolver,
    )
    own, admin = "https://gateway.corp.example/benevity", "https://gateway.corp.example/admin"
    assert found.fault_of(own, Platform.BENEVITY, by_operator=False) is None
    assert found.fault_of(admin, Platform.BENEVITY, by_operator=True) is None
    assert found.fault_of(admin, Platform.BENEVITY, by_operator=False) == fault
    assert found.fault_of(own, Platform.GOODERA, by_operator=False) == fault


def test_a_name_that_changes_between_check_and_use_leads_nowhere_else() -> None:
    """DNS rebinding: the name is resolved once, and the connection is made to what was checked."""
    asked = []

    def resolver(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    body = b'{"success": true, "transactionId": "t-1"}'
    with raw_server(answers(http_answer(200, body))) as server:
        allowed = settings(**PRODUCTION, IMPACT_IN_ALLOWED_HOSTS="127.0.0.1")
        rebinding = AddressPolicy.from_settings(allowed, resolver=resolver)
        transport = Transport(allowed, addresses=rebinding)
        account = connection(Platform.BENEVITY, f"http://localhost:{server.port}")
        send = connector_for(Platform.BENEVITY, transport, MemoryTokens()).send
        assert send(shipment(account, {})).outcome is AttemptOutcome.DELIVERED
        assert asked == ["localhost"]
        assert b"Host: localhost" in server.requests[0]
        transport.close()
        again = send(shipment(account, {}))
    assert (again.outcome, again.error_kind) == (AttemptOutcome.PERMANENT, ErrorKind.CONFIGURATION)
    assert "isn't https" in (again.error or "") or "isn't public" in (again.error or "")
    assert "10.0.0.1" not in (again.error or "")


def test_an_unknown_name_may_be_known_later() -> None:
    """The resolver's trouble passes: nothing was sent, and it is tried again."""

    def resolver(host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    allowed = settings(**PRODUCTION)
    transport = Transport(
        allowed,
        sleep=lambda _: None,
        addresses=AddressPolicy.from_settings(allowed, resolver=resolver),
    )
    account = connection(Platform.BENEVITY, "https://api.example.org")
    result = connector_for(Platform.BENEVITY, transport, MemoryTokens()).send(shipment(account, {}))
    assert (result.outcome, result.error_kind) == (AttemptOutcome.RETRYABLE, ErrorKind.NETWORK)
    assert "host name" in (result.error or "")


@pytest.mark.parametrize("text", ["10.0.0.0/40", "a b", "https://x", "user@host", "10.0.0.0/8;x"])
def test_an_allow_list_that_does_not_hold_stops_the_start(text: str) -> None:
    """One line that names the variable."""
    with pytest.raises(InvalidSetting, match="IMPACT_IN_ALLOWED_HOSTS"):
        settings(IMPACT_IN_ALLOWED_HOSTS=text)
