"""From claimed deliveries to payloads: figures for all, the gate for all, then each platform's
mapping."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from impact_in_pipelines.connectors.registry import mapping_for, reported
from impact_in_pipelines.delivery.model import Claimed, Connection, Content, Refusal
from impact_in_pipelines.delivery.payload import write_down
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.impact.figures import ImpactFigures, ImpactSource, PeriodRequest, Ref
from impact_in_pipelines.platforms import FACTS

_log = logging.getLogger(__name__)


class Failure(Protocol):
    """Why a company's data isn't sent."""

    @property
    def message(self) -> str:
        """One line: which expectation, what was seen, what to do."""
        ...


class FiguresReport(Protocol):
    """What the gate found; `impact.gate.GateReport` is one."""

    @property
    def refusals(self) -> Mapping[Ref, Failure]:
        """The figures that don't pass, by their `ref`."""
        ...


class Gate(Protocol):
    """Judges figures before they are sent; `impact.gate.gate` does."""

    def __call__(self, figures: Sequence[ImpactFigures], now: datetime, /) -> FiguresReport:
        """The report on all of `figures`; `now` is aware."""
        ...


class MappedPayloads:
    """Implements `delivery.ports.PayloadSource` with one call to the source and one to the gate."""

    def __init__(self, source: ImpactSource, gate: Gate) -> None:
        self._source = source
        self._gate = gate

    def build(
        self, claimed: Sequence[tuple[Claimed, Connection]], now: datetime
    ) -> Mapping[UUID, Content | Refusal]:
        """A payload for every delivery whose data passes the gate, else a refusal; by delivery id.

        A payload's timestamp is when it was due, of a correction when its report was due at first, for a
        replay `now` (aware). Raises what the source and the
        gate raise: a failed read is no refusal.
        """
        if not claimed:
            return {}
        figures = self._source.figures([_request(delivery) for delivery, _ in claimed], now)
        refusals = self._gate(list(figures.values()), now).refusals
        return {
            delivery.id: _payload(delivery, connection, figures, refusals, now)
            for delivery, connection in claimed
        }


def _request(delivery: Claimed) -> PeriodRequest:
    return PeriodRequest(
        ref=delivery.id,
        company_id=delivery.company_id,
        timezone=delivery.timezone,
        period_start=delivery.period_start,
        period_end=delivery.period_end,
    )


def _payload(
    delivery: Claimed,
    connection: Connection,
    figures: Mapping[Ref, ImpactFigures],
    refusals: Mapping[Ref, Failure],
    now: datetime,
) -> Content | Refusal:
    if delivery.id in refusals:
        return Refusal(ErrorKind.DATA_QUALITY, refusals[delivery.id].message)
    found = figures.get(delivery.id)
    if found is None:
        return Refusal(
            ErrorKind.DATA_QUALITY,
            f"no figures for {delivery.period_start} to {delivery.period_end}; "
            "check the company and its time zone, then replay",
        )
    try:
        # The body, not only the key, must be the same where a database that was put back sends it again:
        # a platform refuses a key that comes with another body (D14).
        due_at = delivery.first_due_at or delivery.scheduled_for
        built_at = now if delivery.rebuild else due_at
        payload = mapping_for(delivery.platform)(found, connection, built_at, delivery.correction)
        return Content(payload, reported(delivery.platform, found), write_down(payload))
    except ValueError as error:
        return Refusal(ErrorKind.DATA_QUALITY, f"{error}; correct the events and replay")
    except Exception as error:
        # Somebody else's code: its fault costs this delivery, not those of other companies.
        _log.exception("the connector of %s can't write figures down", delivery.platform)
        title = FACTS[delivery.platform].title
        what = f"{title}: its connector can't write the figures down ({type(error).__name__})"
        return Refusal(ErrorKind.CONFIGURATION, f"{what}; correct the connector and replay")
