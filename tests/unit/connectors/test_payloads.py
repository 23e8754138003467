"""From claimed deliveries to payloads: one question to the source, one to the gate, an answer for
each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID, uuid5

from connectors.helpers import COMPANY, NOW, connection, figures
from impact_in_pipelines.connectors.payloads import MappedPayloads
from impact_in_pipelines.connectors.registry import mapping_for, reported
from impact_in_pipelines.delivery.model import Claimed, Connection, Content, Refusal
from impact_in_pipelines.delivery.states import ErrorKind, Trigger
from impact_in_pipelines.impact.figures import ImpactFigures, PeriodRequest, Ref
from impact_in_pipelines.platforms import Platform


@dataclass
class Source:
    """Figures by reference, made from what is asked; notes what was asked."""

    absent: frozenset[UUID] = frozenset()
    hours: float = 96.25
    asked: list[Sequence[PeriodRequest]] = field(default_factory=list)
    instants: list[datetime] = field(default_factory=list)

    def figures(
        self, requests: Sequence[PeriodRequest], now: datetime
    ) -> Mapping[Ref, ImpactFigures]:
        """The week of `helpers.figures` for every request that isn't declared absent."""
        self.asked.append(requests)
        self.instants.append(now)
        return {
            request.ref: replace(
                figures(volunteer_hours=self.hours), ref=request.ref, company_id=request.company_id
            )
            for request in requests
            if request.ref not in self.absent
        }


@dataclass(frozen=True)
class Failure:
    """Why figures don't pass."""

    message: str


@dataclass(frozen=True)
class Report:
    """The gate's verdict."""

    refusals: Mapping[Ref, Failure]


@dataclass
class Gate:
    """Refuses the references it is told to; notes what it was shown."""

    refused: Mapping[Ref, Failure] = field(default_factory=dict)
    shown: list[Sequence[ImpactFigures]] = field(default_factory=list)
    instants: list[datetime] = field(default_factory=list)

    def __call__(self, found: Sequence[ImpactFigures], now: datetime) -> Report:
        self.shown.append(found)
        self.instants.append(now)
        return Report(self.refused)


def claimed(platform: Platform, number: int) -> tuple[Claimed, Connection]:
    """A claimed delivery and its account."""
    delivery = Claimed(
        id=uuid5(COMPANY, f"{platform}-{number}"),
        company_id=COMPANY,
        company_slug="acme",
        company_name="Acme",
        platform=platform,
        trigger=Trigger.SCHEDULE,
        timezone="Europe/Oslo",
        period_start=date(2026, 2, 23),
        period_end=date(2026, 3, 1),
        scheduled_for=NOW,
        idempotency_key=uuid5(COMPANY, f"key-{number}"),
        attempt_number=1,
        failed_attempts=0,
    )
    return delivery, connection(platform)


def test_all_are_built_with_one_question_to_source_and_gate() -> None:
    """A thousand deliveries cost one statement and one run of the expectations."""
    pairs = [claimed(platform, n) for platform in Platform for n in range(3)]
    source, gate = Source(), Gate()
    built = MappedPayloads(source, gate).build(pairs, NOW)
    assert built == {
        delivery.id: Content(
            mapping_for(delivery.platform)(figures(), account, NOW),
            reported(delivery.platform, figures()),
        )
        for delivery, account in pairs
    }
    assert len(source.asked) == len(gate.shown) == 1
    assert source.instants == gate.instants == [NOW]
    delivery = pairs[0][0]
    assert source.asked[0][0] == PeriodRequest(
        delivery.id, COMPANY, "Europe/Oslo", date(2026, 2, 23), date(2026, 3, 1)
    )


def test_only_what_the_gate_refuses_is_refused() -> None:
    """The others go out; the refusal says which expectation and what was seen."""
    bad, good = claimed(Platform.BENEVITY, 1), claimed(Platform.BENEVITY, 2)
    gate = Gate({bad[0].id: Failure("expectation scores_in_range failed: language 11.5")})
    built = MappedPayloads(Source(), gate).build([bad, good], NOW)
    assert built[bad[0].id] == Refusal(
        ErrorKind.DATA_QUALITY, "expectation scores_in_range failed: language 11.5"
    )
    assert isinstance(built[good[0].id], Content)


def test_a_delivery_without_figures_is_refused() -> None:
    """Silence of the source isn't zero."""
    pair = claimed(Platform.GOODERA, 1)
    built = MappedPayloads(Source(absent=frozenset({pair[0].id})), Gate()).build([pair], NOW)
    refusal = built[pair[0].id]
    assert isinstance(refusal, Refusal)
    assert refusal.kind is ErrorKind.DATA_QUALITY


def test_a_payload_that_json_cannot_carry_is_refused() -> None:
    """NaN would be sent differently at every attempt, or not at all."""
    pair = claimed(Platform.WORKDAY, 1)
    pair_b = claimed(Platform.BENEVITY, 1)
    built = MappedPayloads(Source(hours=float("nan")), Gate()).build([pair, pair_b], NOW)
    refusal = built[pair_b[0].id]
    assert isinstance(refusal, Refusal)
    assert refusal.kind is ErrorKind.DATA_QUALITY
    assert "canonical JSON" in refusal.message
    # Workday's body has no total of hours.
    assert isinstance(built[pair[0].id], Content)


def test_nothing_claimed_asks_nobody() -> None:
    """An empty drain costs no statement."""
    source, gate = Source(), Gate()
    assert MappedPayloads(source, gate).build([], NOW) == {}
    assert (source.asked, gate.shown) == ([], [])
