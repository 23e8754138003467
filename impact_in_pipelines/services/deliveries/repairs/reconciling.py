"""After the database was put back (a restored dump, a late replica): the log learns what had arrived."""

from collections.abc import Sequence

from impact_in_pipelines.db.deliveries.repairs.reconciling import Reconciled
from impact_in_pipelines.db.deliveries.repairs.reconciling import reconcile as reconcile_log
from impact_in_pipelines.delivery.arrivals import Arrival
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.progress import Steps, Tell, silent
from impact_in_pipelines.runtime import Runtime

__all__ = ["Reconciled", "reconcile"]


def reconcile(
    runtime: Runtime,
    arrivals: Sequence[Arrival],
    *,
    actor: str,
    dry_run: bool = False,
    tell: Tell = silent,
) -> dict[Platform, Reconciled]:
    """Mark what `arrivals` show as arrived, audited; running it again changes nothing. `dry_run`: say what
    would be done, and do nothing. `tell` is called with arrivals, a platform's at a time."""
    steps = Steps(len(arrivals), tell)
    found = {}
    for platform in Platform:
        mine = [arrival for arrival in arrivals if arrival.platform is platform]
        found[platform] = reconcile_log(
            runtime.database.engine,
            platform,
            mine,
            now=runtime.clock(),
            actor=actor,
            dry_run=dry_run,
        )
        steps.step(len(mine))
    return found
