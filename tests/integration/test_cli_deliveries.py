"""`impact-in deliveries` on deliveries that a real drain made."""

import getpass
import socket
import uuid
from datetime import timedelta

import pytest
from factories import YESTERDAY, World

from impact_in_pipelines.platforms import Platform

from .cli_harness import Cli

BENEVITY = Platform.BENEVITY
EVER = ("--days", "3660")


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, world: World) -> Cli:
    return Cli(monkeypatch, world.database)


def arrived_and_failed(world: World) -> tuple[str, str]:
    """The ids of a delivery of c-1 that arrived and one of c-2 that the platform refused."""
    good, bad = world.due(BENEVITY, 2)
    world.sandbox.client.add_fault("benevity", "bad_request", organization="c-2")
    world.drain(BENEVITY)
    world.sandbox.client.clear_faults()
    return str(world.of_company(good)["id"]), str(world.of_company(bad)["id"])


def test_the_list_is_newest_first_and_each_filter_narrows_it(cli: Cli, world: World) -> None:
    """Company, platform, status and limit; the table and the document show the same deliveries."""
    good, bad = arrived_and_failed(world)
    world.clock.advance(timedelta(hours=1))
    (company,) = world.companies(prefix="d")
    newest = [str(id_) for id_ in world.deliveries(Platform.GOODERA, company)]

    every = cli.good("deliveries", "list", "--json").json

    assert {row["id"] for row in every} == {good, bad, *newest}
    assert every[0]["id"] == newest[0]
    for words, ids in (
        (("--company", "c-1"), {good}),
        (("--status", "failed"), {bad}),
        (("--platform", "goodera"), set(newest)),
        (("--limit", "1"), set(newest)),
        (("--platform", "workday"), set()),
    ):
        listed = cli.good("deliveries", "list", *words, "--json").json
        table = cli.good("deliveries", "list", *words).out
        assert {row["id"] for row in listed} == ids
        assert all((id_[:8] in table) is (id_ in ids) for id_ in (good, bad, *newest))


def test_an_empty_list_says_so_and_what_to_do(cli: Cli) -> None:
    """A new installation isn't taken for a broken one."""
    assert "impact-in schedules list" in cli.good("deliveries", "list").out
    assert cli.good("deliveries", "list", "--json").json == []


def test_show_tells_how_a_delivery_ended_and_what_was_sent(cli: Cli, world: World) -> None:
    """Attempts, error, payload and answer; by a unique beginning of the id."""
    good, bad = arrived_and_failed(world)

    shown = cli.good("deliveries", "show", bad[:8]).out
    document = cli.good("deliveries", "show", good[:13].upper(), "--json").json

    assert bad in shown
    assert "HTTP 400" in shown
    assert f"replay {bad[:8]}" in shown
    assert document["id"] == good
    assert document["payload"]["organizationId"] == "c-1"
    assert document["providerResponse"]["success"] is True
    assert [attempt["outcome"] for attempt in document["attempts"]] == ["delivered"]
    assert document["latencyMs"] == 30_000.0


def test_show_masks_persons(cli: Cli, world: World) -> None:
    """Whatever a company's own data brings into a payload."""
    good, _ = arrived_and_failed(world)
    world.execute(
        """UPDATE impact_deliveries SET payload = payload || '{"participantRef": "kari-17"}',
               provider_response = '{"message": "ask kari@example.org"}'"""
    )

    both = (
        cli.good("deliveries", "show", good).out
        + cli.good("deliveries", "show", good, "--json").out
    )

    assert "kari" not in both


def test_an_id_is_unknown_ambiguous_or_no_id(cli: Cli, world: World) -> None:
    """Each in one line; an ambiguous beginning names the ids that it fits."""
    (company,) = world.companies()
    ids = world.deliveries(BENEVITY, company, days=[YESTERDAY, YESTERDAY - timedelta(days=1)])
    twins = [uuid.UUID(f"abcd{n}" + str(id_).replace("-", "")[5:]) for n, id_ in enumerate(ids)]
    for old, new in zip(ids, twins, strict=True):
        world.execute("UPDATE impact_deliveries SET id = :new WHERE id = :old", old=old, new=new)

    unknown = cli.refused("deliveries", "show", str(uuid.uuid4()))
    ambiguous = cli.refused("deliveries", "show", "abcd")
    short = cli.refused("deliveries", "show", "abc")
    word = cli.refused("deliveries", "replay", "latest")

    assert (unknown.code, ambiguous.code, short.code, word.code) == (1, 2, 2, 2)
    assert all(str(id_) in ambiguous.err for id_ in twins)
    assert cli.good("deliveries", "show", "abcd1", "--json").json["id"] == str(twins[1])


def test_replay_only_queues_and_says_what_sends(cli: Cli, world: World) -> None:
    """The command returns at once; with the scheduler off it says that nothing will happen by itself."""
    _, bad = arrived_and_failed(world)

    on = cli.good("deliveries", "replay", bad[:8])
    world.execute("UPDATE impact_deliveries SET status = 'failed' WHERE id = :id", id=bad)
    off = cli("deliveries", "replay", bad, ENABLE_SCHEDULER="false")

    assert world.delivery(uuid.UUID(bad))["status"] == "pending"
    assert "next tick" in on.out
    assert "scheduler is off" in off.out
    assert "impact-in deliver" in off.out


def test_what_cannot_be_replayed_is_exit_code_1_and_the_rest_is_queued(
    cli: Cli, world: World
) -> None:
    """One line a delivery says why; one id that doesn't exist stops all before anything is queued."""
    good, bad = arrived_and_failed(world)
    world.execute("UPDATE impact_deliveries SET delivered_at = now() WHERE id = :id", id=good)

    none = cli.refused("deliveries", "replay", bad, str(uuid.uuid4()))
    untouched = world.delivery(uuid.UUID(bad))["status"]
    mixed = cli("deliveries", "replay", good, bad, "--json")
    again = cli.refused("deliveries", "replay", good)

    assert (none.code, untouched) == (1, "failed")
    assert (mixed.code, mixed.json["queued"]) == (1, [bad])
    assert [refusal["id"] for refusal in mixed.json["refused"]] == [good]
    assert "--force" in again.err


def test_all_failed_reaches_28_days_back_unless_told_otherwise(cli: Cli, world: World) -> None:
    """Older failures are queued only by somebody who says how old."""
    _, bad = arrived_and_failed(world)
    world.execute(
        "UPDATE impact_deliveries SET failed_at = now() - interval '29 days' WHERE failed_at IS NOT NULL"
    )

    default = cli.good("deliveries", "replay", "--all-failed")
    other = cli.good(
        "deliveries", "replay", "--all-failed", "--company", "c-1", *EVER, "--json"
    ).json
    wide = cli.good(
        "deliveries", "replay", "--all-failed", "--company", "c-2", *EVER, "--json"
    ).json

    assert "Nothing to replay" in default.out
    assert (other["queued"], wide["queued"]) == ([], [bad])


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("abcd1234", "--all-failed"),
        ("abcd1234", "--company", "c-1"),
        ("abcd1234", "--days", "3"),
    ],
)
def test_replay_needs_ids_or_all_failed_and_not_both(cli: Cli, words: tuple[str, ...]) -> None:
    """A filter beside ids would be ignored silently."""
    assert cli.refused("deliveries", "replay", *words).code == 2


def test_a_replay_is_in_the_audit_log_as_somebodys_doing(cli: Cli, world: World) -> None:
    """Who, what, how it stood before and after: as for one that came by the API."""
    good, bad = arrived_and_failed(world)

    cli.good("deliveries", "replay", bad, good, "--force", "--actor", "ingrid")
    rows = world.rows(
        "SELECT a.* FROM audit_log a JOIN companies c ON c.id = a.company_id "
        "WHERE action = 'delivery.replay' ORDER BY c.slug"
    )

    assert {row["actor"] for row in rows} == {"ingrid"}
    assert [row["before"] for row in rows] == [{"success": 1}, {"failed": 1}]
    assert all(row["after"]["force"] for row in rows)
    assert rows[1]["after"]["delivery_ids"] == [bad]
    assert [len(row["after"]["delivery_ids"]) for row in rows] == [1, 1]


def test_without_a_name_the_audit_log_names_the_user_and_the_machine(
    cli: Cli, world: World
) -> None:
    """`cli` would say nothing of who it was."""
    _, bad = arrived_and_failed(world)

    cli.good("deliveries", "replay", bad)

    (who,) = world.scalars("SELECT actor FROM audit_log WHERE action = 'delivery.replay'")
    assert who == f"{getpass.getuser()}@{socket.gethostname()}"
