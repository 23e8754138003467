"""Webhooks to companies: signed as Standard Webhooks says, once for each event, repeated by the plan."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from standardwebhooks.webhooks import Webhook

from impact_in_pipelines.connectors.http.addresses import AddressPolicy
from impact_in_pipelines.connectors.notices.posting import notice_addresses
from impact_in_pipelines.db.accounts.rotating import KeyRotation
from impact_in_pipelines.db.accounts.vault import Vault
from impact_in_pipelines.delivery.notifying.model import Medium, NoticeEvent
from impact_in_pipelines.errors.accounts import AddressNotEncrypted, AddressNotPublic
from impact_in_pipelines.errors.alerts import NoticeTestsTooMany, NoticeUrlMalformed
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.notices import channels as service
from impact_in_pipelines.services.notices.channels import ChannelChange, NewChannel

from .conftest import NoticeWorld

BENEVITY = Platform.BENEVITY
"""Longer than the waits of the plan with their chance."""


def arrived(made: NoticeWorld, company: UUID) -> UUID:
    """A delivery that has arrived."""
    (delivery,) = made.world.deliveries(BENEVITY, company)
    made.ended(delivery, transaction_id="tx-1")
    return delivery


def test_an_event_is_posted_once_and_its_signature_holds(made: NoticeWorld) -> None:
    """The reference implementation verifies what was received; a second tick sends nothing more."""
    (company,) = made.world.companies()
    channel = made.channel(company)
    delivery = arrived(made, company)

    assert made.tick().accepted == 1
    assert made.tick().accepted == 0
    (posted,) = made.receiver.posted
    assert channel.secret is not None
    # The reference judges the time by the machine's clock: the test's lies elsewhere.
    payload = _verified(channel.secret, posted.headers, posted.body)
    assert payload["type"] == "delivery.delivered"
    assert payload["data"]["delivery"]["id"] == str(delivery)
    assert payload["data"]["delivery"]["transactionId"] == "tx-1"
    assert payload["data"]["company"]["id"] == str(company)


def _verified(secret: str, headers: object, body: bytes) -> dict:  # type: ignore[type-arg]
    webhook = Webhook(secret)
    webhook._Webhook__verify_timestamp = _time_of  # type: ignore[attr-defined]
    checked: dict = webhook.verify(body, dict(headers))  # type: ignore[type-arg, call-overload]
    return checked


def _time_of(header: str) -> datetime:
    return datetime.fromtimestamp(float(header), tz=UTC)


def test_both_secrets_sign_until_the_older_one_ends(made: NoticeWorld) -> None:
    """Who has changed over and who hasn't both take it; after the overlap only the new one signs."""
    (company,) = made.world.companies()
    old = made.channel(company)
    new = service.rotate_secret(
        made.world.runtime, made.company(company), old.channel.id, actor="kari"
    )
    assert old.secret is not None
    assert new.secret is not None
    assert old.secret != new.secret
    arrived(made, company)
    made.tick()
    made.tick(timedelta(hours=25))
    arrived(made, company)
    made.tick()

    during, after = made.receiver.posted
    for secret in (old.secret, new.secret):
        assert _verified(secret, during.headers, during.body)
    assert _verified(new.secret, after.headers, after.body)
    assert len(after.headers["webhook-signature"].split()) == 1


def test_what_is_refused_is_repeated_under_its_id_for_days_and_then_given_up(
    made: NoticeWorld,
) -> None:
    """Eleven tries over two days, the same id and the same bytes each; then a person may send it again."""
    (company,) = made.world.companies()
    channel = made.channel(company).channel
    arrived(made, company)
    waits = made.world.settings.notice_retry_minutes
    statuses = [503, 500, 302, 404, *[503] * 7]
    made.receiver.answers = list(statuses)
    made.tick()
    assert made.tick().refused == 0  # its time has not come
    for wait in waits:
        made.tick(timedelta(minutes=wait * 1.2, seconds=1))
    made.tick(timedelta(hours=2))

    posted = made.receiver.posted
    assert len(posted) == 11
    assert len({(one.headers["webhook-id"], one.body) for one in posted}) == 1
    (message,) = service.messages(made.world.runtime, made.company(company), channel.id, limit=10)
    assert message.state == "failed"
    assert [one.http_status for one in message.attempts] == statuses
    service.send_again(
        made.world.runtime, made.company(company), channel.id, [message.id], actor="kari"
    )
    assert made.tick().accepted == 1
    assert made.receiver.posted[-1].headers["webhook-id"] == posted[0].headers["webhook-id"]


def test_a_receiver_that_is_down_for_a_night_loses_nothing(made: NoticeWorld) -> None:
    """Tried all the while; once it takes one again it gets all the others with it, not hours later."""
    (company,) = made.world.companies()
    made.channel(company)
    made.receiver.answers = [503] * 1000
    for _ in range(
        4 * 10
    ):  # ten hours, by quarters of one; something new in each of the first five
        if made.world.scalars("SELECT count(*) FROM notice_messages") < [5]:
            arrived(made, company)
        made.tick(timedelta(minutes=15))
    made.receiver.answers = []
    before = len(made.receiver.posted)
    while not made.tick(timedelta(minutes=15)).accepted:
        pass
    made.tick()
    assert made.world.scalars("SELECT count(*) FROM notice_messages WHERE sent_at IS NULL") == [0]
    assert len(made.receiver.posted) - before == 5
    assert before < 5 * 11


def test_a_receiver_that_asks_for_time_gets_it(made: NoticeWorld) -> None:
    """Retry-After lengthens the wait of the plan."""
    (company,) = made.world.companies()
    made.channel(company)
    arrived(made, company)
    made.receiver.answers, made.receiver.headers = [429], {"Retry-After": "1800"}
    made.tick()
    made.tick(timedelta(minutes=20))
    assert len(made.receiver.posted) == 1
    made.tick(timedelta(minutes=11))
    assert len(made.receiver.posted) == 2


def test_one_companys_broken_receiver_holds_up_nobody_else(made: NoticeWorld) -> None:
    """Receivers that hang cost each one time-out; what works is served first, all of it."""
    hanging = made.world.companies(12, prefix="hangs")
    (working,) = made.world.companies()
    made.receiver.hangs.set()
    for company in hanging:
        made.channel(company, path="/hangs")
    made.channel(working)
    for company in (*hanging, working):
        for _ in range(3):
            arrived(made, company)
    made.tick()

    assert len(made.receiver.at("/hook")) == 3
    assert len(made.receiver.at("/hangs")) == 12  # one of three messages each
    made.receiver.hangs.clear()
    made.tick(timedelta(minutes=10))
    assert len(made.receiver.at("/hangs")) == 12 + 36 - 2 * 12  # one try tells that each is back
    made.tick()
    assert {row["sent_at"] is None for row in made.messages()} == {False}


def test_a_lasting_failure_switches_the_channel_off_and_the_others_say_so(
    made: NoticeWorld,
) -> None:
    """After three days without success nothing is sent there; the company's other channel and the audit log
    have it, and what waited can be sent again."""
    (company,) = made.world.companies()
    broken = made.channel(company, path="/broken").channel
    made.channel(company, path="/works", kinds=[NoticeEvent.FAILED])
    for _ in range(4):
        arrived(made, company)
        made.receiver.answers = [500] * 9
        made.tick(timedelta(hours=24))
    made.receiver.answers = []
    made.tick()

    found = service.channel(made.world.runtime, made.company(company), broken.id)
    assert (found.enabled, found.disabled_reason) == (False, "failing")
    (notice,) = made.receiver.at("/works")
    assert notice.json["type"] == "channel.disabled"
    assert notice.json["data"]["channel"]["name"] == broken.name
    actions = made.world.scalars("SELECT action FROM audit_log ORDER BY at")
    assert "notice_channel.disable" in actions
    before = len(made.receiver.at("/broken"))
    arrived(made, company)
    made.tick(timedelta(days=1))
    assert len(made.receiver.at("/broken")) == before


def test_who_is_gone_is_asked_no_more(made: NoticeWorld) -> None:
    """HTTP 410 says that nothing is wanted: the channel is off at once."""
    (company,) = made.world.companies()
    channel = made.channel(company).channel
    arrived(made, company)
    made.receiver.answers = [410]
    assert made.tick().disabled == [channel.id]
    found = service.channel(made.world.runtime, made.company(company), channel.id)
    assert found.disabled_reason == "gone"


def test_a_test_is_sent_at_once_and_stands_in_the_log(made: NoticeWorld) -> None:
    """It goes out without a tick; one that fails is not repeated and is no failure of the channel."""
    (company,) = made.world.companies()
    channel = made.channel(company).channel
    runtime, home = made.world.runtime, made.company(company)
    assert service.try_out(runtime, home, channel.id, actor="kari").error is None
    made.receiver.answers = [500]
    made.world.clock.now += timedelta(minutes=1)
    failed = service.try_out(runtime, home, channel.id, actor="kari")
    assert failed.error == "answered HTTP 500"
    made.tick(timedelta(hours=1))

    assert [one.json["type"] for one in made.receiver.posted] == ["channel.test"] * 2
    log = service.messages(runtime, home, channel.id, limit=10)
    assert [one.state for one in log] == ["failed", "sent"]
    assert service.channel(runtime, home, channel.id).failures == 0


def test_a_company_sends_one_test_a_minute(made: NoticeWorld) -> None:
    """E-mails go to anybody's address: neither another channel nor one that is made anew gets round it, and
    another company isn't held up."""
    runtime = made.world.runtime
    company, other = made.world.companies(2)
    home = made.company(company)
    one, second = (made.channel(company, Medium.EMAIL).channel for _ in range(2))
    service.try_out(runtime, home, one.id, actor="kari")
    service.remove_channel(runtime, home, one.id, actor="kari")
    made.world.clock.now += timedelta(seconds=20)
    with pytest.raises(NoticeTestsTooMany) as refused:
        service.try_out(runtime, home, second.id, actor="kari")
    assert refused.value.seconds == 40
    service.try_out(runtime, made.company(other), made.channel(other).channel.id, actor="ola")
    assert len(made.mailbox.letters) == 1
    made.world.clock.now += timedelta(seconds=40)
    service.try_out(runtime, home, second.id, actor="kari")
    assert len(made.mailbox.letters) == 2


@pytest.mark.parametrize("status", [204, 500])
def test_a_test_takes_no_channel_from_its_sender(made: NoticeWorld, status: int) -> None:
    """While a round sends on it a test comes and goes: the channel stays the round's, or two would send."""
    (company,) = made.world.companies()
    channel = made.channel(company).channel
    until = made.world.clock() + timedelta(minutes=1)
    made.world.execute("UPDATE notice_channels SET lease_until = :until", until=until)
    made.receiver.answers = [status]
    service.try_out(made.world.runtime, made.company(company), channel.id, actor="kari")
    assert made.world.scalars("SELECT lease_until FROM notice_channels") == [until]


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("http://hooks.example.org/x", AddressNotEncrypted),
        ("https://10.0.0.8/x", AddressNotPublic),
        ("https://127.0.0.1/x", AddressNotPublic),
        ("https://localhost/x", AddressNotPublic),
        ("https://[::1]/x", AddressNotPublic),
        ("https://169.254.169.254/latest", AddressNotPublic),
        ("http://127.0.0.1:8000/x", AddressNotEncrypted),
        ("https://kari:secret@example.org/x", NoticeUrlMalformed),
        ("ftp://example.org/x", NoticeUrlMalformed),
        ("example.org", NoticeUrlMalformed),
    ],
)
@pytest.mark.parametrize("medium", [Medium.WEBHOOK, Medium.SLACK])
def test_a_tenant_names_public_addresses_over_tls_only(
    made: NoticeWorld, url: str, refusal: type[Exception], medium: Medium
) -> None:
    """The rules of base URLs: neither a webhook nor Slack may be an eye into the operator's network."""
    (company,) = made.world.companies()
    with pytest.raises(refusal):
        service.add_channel(
            made.world.runtime,
            made.company(company),
            NewChannel("ours", medium, url=url),
            actor="kari",
            by_operator=False,
        )


def test_a_name_that_leads_elsewhere_meanwhile_is_not_followed(made: NoticeWorld) -> None:
    """Checked again at each try: a public name whose address is private by then is told, and nothing sent."""
    (company,) = made.world.companies()
    home, runtime = made.company(company), made.world.runtime
    new = NewChannel("ours", Medium.WEBHOOK, url="https://rebound.example.org/x")
    channel = service.add_channel(runtime, home, new, actor="kari", by_operator=False).channel
    policy: AddressPolicy = replace(
        notice_addresses(runtime.settings), resolver=lambda *_: ["10.0.0.8"]
    )
    runtime.notice_transport.addresses = policy
    runtime.notice_transport._connections.close()
    _lead_through(runtime.notice_transport, policy)

    result = service.try_out(runtime, home, channel.id, actor="kari")
    assert result.error == "its address isn't a public one; nothing was sent"


def _lead_through(transport: object, policy: AddressPolicy) -> None:
    from impact_in_pipelines.connectors.http.connections import Connections

    transport._connections = Connections(  # type: ignore[attr-defined]
        policy.addresses, connect_s=30.0, read_s=30.0, hosts=4, each=4
    )


def test_the_operators_own_platforms_are_no_way_in(made: NoticeWorld) -> None:
    """An address of the environment that only the operator may reach is no exception for notices."""
    assert notice_addresses(made.world.settings).own_urls == {}


def test_secrets_lie_encrypted_and_are_shown_once(made: NoticeWorld) -> None:
    """Neither the address' query nor the secret stands in any column, in the list, in the audit log or in a
    repr."""
    (company,) = made.world.companies()
    channel = made.channel(company, path="/hook?key=hidden-key")
    assert channel.secret is not None
    assert channel.secret.startswith("whsec_")
    tables = ("notice_channels", "audit_log")
    stored = "".join(
        str(row) for table in tables for row in made.world.rows(f"SELECT * FROM {table}")
    )
    shown = repr(channel) + repr(service.channels(made.world.runtime, made.company(company)))
    for secret in (channel.secret, "hidden-key"):
        assert secret not in stored
        assert secret not in shown


def test_a_change_is_audited_and_a_channel_that_is_switched_on_again_begins_anew(
    made: NoticeWorld,
) -> None:
    """Who switched it off stands in the log; what happened meanwhile isn't sent afterwards."""
    (company,) = made.world.companies()
    channel = made.channel(company).channel
    runtime, home = made.world.runtime, made.company(company)

    def switch(on: bool) -> None:
        change = ChannelChange(enabled=on)
        service.change_channel(runtime, home, channel.id, change, actor="kari", by_operator=True)

    switch(False)
    arrived(made, company)
    made.tick()
    switch(True)
    made.tick()
    arrived(made, company)
    made.tick()

    assert len(made.receiver.posted) == 1
    changes = made.world.rows(
        "SELECT actor, before, after FROM audit_log WHERE action = 'notice_channel.set' ORDER BY at"
    )
    assert [(row["actor"], row["after"]) for row in changes] == [
        ("kari", {"enabled": False}),
        ("kari", {"enabled": True}),
    ]


def test_a_new_key_encrypts_channels_anew_and_the_old_one_can_be_retired(
    made: NoticeWorld,
) -> None:
    """Afterwards the new key alone reads address and secret; a row of a lost key is counted and left."""
    company, other = made.world.companies(2)
    channel, lost = made.channel(company), made.channel(other).channel
    database = made.world.database
    made.world.execute(
        "UPDATE notice_channels SET target = :target WHERE id = :id",
        target=Vault([Fernet.generate_key().decode()]).encrypt_json({"url": "x"}),
        id=lost.id,
    )
    old = made.world.settings.secret_key
    assert old is not None
    new = Fernet.generate_key().decode()
    both = Vault([new, old.get_secret_value()])
    first, again = (
        KeyRotation(database.engine, both, batch=1).run(actor="ops", now=made.world.clock())
        for _ in range(2)
    )
    assert (first.channels, first.unreadable_channels) == (1, 1)
    assert (again.channels, again.unreadable_channels) == (0, 1)
    (row,) = made.world.rows("SELECT * FROM notice_channels WHERE id = :id", id=channel.channel.id)
    assert Vault([new]).decrypt_text(row["secret"]) == channel.secret
