"""The schedule that an address names."""

from impact_in_pipelines.api.http.problems import not_found
from impact_in_pipelines.api.web.visits import Visit, uuid_of
from impact_in_pipelines.db.schedules.rows import Schedule
from impact_in_pipelines.errors import NotFound
from impact_in_pipelines.services import schedules as services


def own_schedule(visit: Visit, id_: str = "") -> Schedule:
    """The schedule in the address (or with the id `id_`), if it is the company's. Raises a 404 problem."""
    wanted = uuid_of(id_ or visit.request.path_params["schedule_id"], "schedule")
    try:
        return services.find(visit.api.runtime, wanted, [visit.home.id])
    except NotFound:
        raise not_found("schedule") from None
