"""Breaches and incidents to reason about, with a clock that only counts."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from impact_in_pipelines.alerting.reconciling import reconcile
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.incidents import (
    Incident,
    IncidentChange,
    MaintenanceWindow,
    NoticeKind,
)
from impact_in_pipelines.sla.model import Breach, BreachType, Rule, Severity

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ACME = UUID(int=1)
MINUTE = timedelta(minutes=1)


def breach(**changes: Any) -> Breach:
    """acme on Goodera: 97 of 100 arrived, which is critical."""
    usual = Breach(
        type=BreachType.SUCCESS_RATE,
        severity=Severity.CRITICAL,
        threshold=98.0,
        actual=97.0,
        since=NOON - timedelta(hours=1),
        company_id=ACME,
        company="acme",
        platform=Platform.GOODERA,
        sample_size=100,
        low_confidence=False,
        pages=True,
        rule=Rule.TARGET_MISSED,
    )
    return replace(usual, **changes)


def warning(**changes: Any) -> Breach:
    """The same, less bad."""
    return breach(
        **{
            "severity": Severity.WARNING,
            "pages": False,
            "rule": Rule.WARNING_LEVEL,
            **changes,
        }
    )


def few(**changes: Any) -> Breach:
    """Critical, and on too few deliveries to page somebody."""
    return breach(
        **{"low_confidence": True, "pages": False, "rule": Rule.FEW_DELIVERIES, **changes}
    )


def outage(**changes: Any) -> Breach:
    """Goodera answers nobody."""
    return breach(
        **{
            "type": BreachType.PLATFORM_OUTAGE,
            "company_id": None,
            "company": None,
            "threshold": 30.0,
            "actual": 31.0,
            "rule": Rule.OUTAGE,
            **changes,
        }
    )


def window(**changes: Any) -> MaintenanceWindow:
    """Two hours of maintenance of Goodera, from 11 to 13."""
    usual = MaintenanceWindow(
        id=UUID(int=77),
        company_id=None,
        company=None,
        platform=Platform.GOODERA,
        starts_at=NOON - timedelta(hours=1),
        ends_at=NOON + timedelta(hours=1),
        reason="upgrade",
        created_by="ola",
        created_at=NOON - timedelta(hours=2),
    )
    return replace(usual, **changes)


class Book:
    """Incidents as they are kept between looks, and every notice that was written."""

    def __init__(self) -> None:
        self.incidents: dict[UUID, Incident] = {}
        self.notices: list[tuple[NoticeKind, bool]] = []
        self.keys: list[str] = []

    @property
    def open(self) -> list[Incident]:
        """The open incidents."""
        return [one for one in self.incidents.values() if one.closed_at is None]

    @property
    def kinds(self) -> list[NoticeKind]:
        """Why each notice was written, in order."""
        return [kind for kind, _ in self.notices]

    def look(
        self, breaches: Iterable[Breach], now: datetime, **options: Any
    ) -> list[IncidentChange]:
        """Reconcile and keep what comes of it."""
        changes = reconcile(self.open, breaches, now, **options)
        self.keep(changes)
        return changes

    def keep(self, changes: Sequence[IncidentChange]) -> None:
        """What the store does with changes."""
        for change in changes:
            self.incidents[change.incident.id] = change.incident
            if change.notice is not None:
                self.notices.append((change.notice.kind, change.notice.pages))
                self.keys.append(change.notice.key)
