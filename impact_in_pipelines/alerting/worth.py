"""Which breaches are worth an incident of their own."""

from collections import Counter
from collections.abc import Iterable, Sequence

from impact_in_pipelines.sla.incidents import Incident
from impact_in_pipelines.sla.model import Breach, BreachType


def worth_an_incident(
    breaches: Sequence[Breach], open_incidents: Iterable[Incident]
) -> list[Breach]:
    """`breaches` without those that another one explains: two incidents for one cause would notify people
    twice. A whole platform's is explained by the only company's of the same type; one of the on-time rate by
    one of the success rate or the latency, since what fails is not on time either. One that has an incident
    keeps it.

    What concerns neither a company on a platform nor a platform has no incident at all.
    """
    known = {incident.key for incident in open_incidents}
    companies = Counter(
        (breach.platform, breach.type) for breach in breaches if breach.company_id is not None
    )
    explained = {
        (breach.company_id, breach.platform)
        for breach in breaches
        if breach.type in (BreachType.SUCCESS_RATE, BreachType.LATENCY)
    }
    breaches = [
        breach
        for breach in breaches
        if breach.type is not BreachType.ON_TIME_RATE
        or (breach.company_id, breach.platform) not in explained
        or (breach.company_id, breach.platform, breach.type) in known
    ]
    return [
        breach
        for breach in breaches
        if breach.platform is not None
        and (
            breach.company_id is not None
            or companies[breach.platform, breach.type] != 1
            or (None, breach.platform, breach.type) in known
        )
    ]
