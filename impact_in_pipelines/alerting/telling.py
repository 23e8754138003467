"""Which breaches are worth an incident of their own."""

from collections import Counter
from collections.abc import Iterable, Sequence

from impact_in_pipelines.sla.incidents import Incident
from impact_in_pipelines.sla.model import Breach


def worth_an_incident(
    breaches: Sequence[Breach], open_incidents: Iterable[Incident]
) -> list[Breach]:
    """`breaches` without those of a whole platform that one company's breach of the same type explains:
    two incidents for one cause would call people twice. One that has an incident keeps it.

    What concerns neither a company on a platform nor a platform has no incident at all.
    """
    known = {incident.key for incident in open_incidents}
    companies = Counter(
        (breach.platform, breach.type) for breach in breaches if breach.company_id is not None
    )
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
