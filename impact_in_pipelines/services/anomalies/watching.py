"""Once a day: anomalies found, and the incidents of them made to agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from impact_in_pipelines.anomalies.model import RECENT_DAYS
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.alerts import Alerts, Watched
from impact_in_pipelines.services.anomalies.finding import FoundAnomaly, search
from impact_in_pipelines.services.anomalies.telling import TELLING, breaches, known_series
from impact_in_pipelines.sla.model import Breach, BreachType

ANOMALY = frozenset({BreachType.ANOMALY})


@dataclass(frozen=True, slots=True)
class WatchedAnomalies:
    """What was judged (`series` series up to `day`), at how many false alarms `per_company` and quarter; what
    was `found`, what is told of it as `breaches`, and which incidents have `changed`."""

    day: date
    series: int
    per_company: float
    found: Sequence[FoundAnomaly]
    breaches: Sequence[Breach]
    changed: Watched


def watch_anomalies(runtime: Runtime) -> WatchedAnomalies:
    """Judge all series up to yesterday, and open, keep and close incidents of type `anomaly` by it.

    Raises what reading raises, and then nothing is changed: a failed read closes nothing.
    """
    now = runtime.clock()
    companies = [one for one in runtime.companies.listed() if one.active]
    with runtime.incidents.in_turn() as session:
        known = known_series(session.open())
    yesterday = now.date() - timedelta(days=1)
    if yesterday in runtime.sla_rollup.stale_days(yesterday, now).days:
        # The hourly run has failed or is late: an evening that is missing would be a drop in volume.
        runtime.sla_rollup.roll_up([yesterday], now)
    # Reading and judging take seconds at 10,000 companies; the incidents are not locked meanwhile.
    looked = search(runtime, companies, now, known)
    slugs = {one.id: one.slug for one in companies}
    with runtime.incidents.in_turn() as session:
        incidents = session.open()
        over = session.closed_since(now - timedelta(days=RECENT_DAYS), TELLING)
        told = breaches(looked.found, [*incidents, *over], slugs)
        changed = Alerts(runtime).agree(session, told, incidents, ANOMALY, now)
    return WatchedAnomalies(
        looked.day, looked.series, looked.per_company, looked.found, told, changed
    )
