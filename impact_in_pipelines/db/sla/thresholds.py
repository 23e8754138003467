"""Thresholds of companies and platforms that differ from the settings. Statements: thresholds.sql."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.sla.rows import only, platform_of, threshold_book
from impact_in_pipelines.errors.sla import ThresholdScopeMissing
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.thresholds import ThresholdBook, Thresholds, checked

_SQL, _ROLLUP = load("sla/thresholds"), load("sla/rollup")
_JUDGES_PAST_DAYS = "latency_target_ms"


@dataclass(frozen=True, slots=True)
class Override:
    """Thresholds of a company (slug; None: all), a platform, or one on the other."""

    company: str | None
    platform: Platform | None
    thresholds: Mapping[str, Any]
    updated_by: str
    updated_at: datetime


class SlaThresholds:
    """Reads and writes thresholds."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._defaults = Thresholds.from_settings(settings)

    def book(self) -> ThresholdBook:
        """The thresholds in force for every scope."""
        with self._engine.connect() as connection:
            return threshold_book(connection, self._defaults, None)

    def overrides(self, company_id: UUID | None = None) -> list[Override]:
        """What differs from the settings, by company and platform; of one company, or of all (None)."""
        with self._engine.connect() as connection:
            whose = {"company_ids": only(company_id)}
            rows = rows_of(connection.execute(_SQL["thresholds"], whose))
        return [
            Override(
                row["company"],
                platform_of(row["platform"]),
                row["thresholds"],
                row["updated_by"],
                row["updated_at"],
            )
            for row in rows
        ]

    def put(
        self,
        company: Company | None,
        platform: Platform | None,
        values: Mapping[str, Any],
        *,
        now: datetime,
        actor: str,
    ) -> None:
        """Give a company, a platform, or one on the other its own `values`; none clears them.

        A new latency target judges past days anew: their rollup is computed again.

        Raises:
            ThresholdUnknown, ThresholdOutOfRange: a name or a number that doesn't hold.
            ThresholdScopeMissing: neither company nor platform.
        """
        if company is None and platform is None:
            raise ThresholdScopeMissing
        numbers = checked(values)
        company_id, of = company.id if company else None, platform.value if platform else None
        scope = {"company_id": company_id, "platform": of}
        action = "set_thresholds" if numbers else "clear_thresholds"
        parameters = {**scope, "thresholds": json.dumps(numbers), "actor": actor, "now": now}
        with self._engine.begin() as connection:
            before = connection.scalar(_SQL["own_thresholds"], scope)
            connection.execute(_SQL[action], parameters)
            change = Change(
                action,
                "sla_thresholds",
                company_id,
                before={"platform": of, "thresholds": before},
                after={"platform": of, "thresholds": numbers or None},
            )
            record(connection, [change], actor=actor, now=now)
            if (before or {}).get(_JUDGES_PAST_DAYS) != numbers.get(_JUDGES_PAST_DAYS):
                connection.execute(_ROLLUP["forget_marks"])
