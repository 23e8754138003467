"""Service levels that a company sets for itself, within what the operator allows."""

from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import Field

from impact_in_pipelines.api.access.rights import MANAGE, VIEW, Api, Caller, own_company
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.http.problems import naming
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.api.http.schemas import Input, Model
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.services import sla as service

router = api_router("SLA")

_ADDRESS = "/companies/{companyId}/service-levels"
_FIELDS = {
    "success_rate_target_percent": "successRateTarget",
    "success_rate_warning_percent": "successRateWarning",
    "on_time_rate_target_percent": "onTimeRateTarget",
    "latency_target_ms": "latencyTargetMs",
    "latency_warning_ms": "latencyWarningMs",
    "consecutive_failures_critical": "consecutiveFailuresCritical",
    "overdue_critical_after_minutes": "overdueCriticalAfterMinutes",
}
_NAMES = {wire: name for name, wire in _FIELDS.items()}
LevelName = Literal[
    "successRateTarget",
    "successRateWarning",
    "onTimeRateTarget",
    "latencyTargetMs",
    "latencyWarningMs",
    "consecutiveFailuresCritical",
    "overdueCriticalAfterMinutes",
]


class ServiceLevelView(Model):
    """One service level; rates are fractions."""

    name: LevelName = Field(description="which one")
    value: float = Field(description="the value for the company")
    usual: float = Field(description="the value without a number of its own")
    lowest: float = Field(description="the lowest that the operator allows")
    highest: float = Field(description="the highest that the operator allows")
    own: bool = Field(description="whether the company has its own number")


class ServiceLevelList(Model):
    """What a company may set for itself."""

    data: list[ServiceLevelView] = Field(description="the service levels")


class ServiceLevelChange(Input):
    """Numbers to set; rates are fractions."""

    values: dict[LevelName, float | None] = Field(
        description="by name; null: the usual number again; what isn't named stays",
        examples=[{"successRateTarget": 0.99}],
    )


@router.get(
    _ADDRESS,
    operation_id="listServiceLevels",
    summary="Service levels that a company may set for itself",
    dependencies=[VIEW],
)
def list_levels(api: Api, caller: Caller, companyId: UUID) -> ServiceLevelList:  # noqa: N803
    return _listed(api, own_company(api, caller, companyId))


@router.patch(
    _ADDRESS,
    operation_id="setServiceLevels",
    summary="Set service levels within what the operator allows",
    dependencies=[MANAGE],
)
def set_levels(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    body: ServiceLevelChange,
) -> ServiceLevelList:
    company = own_company(api, caller, companyId)
    values = {_NAMES[name]: _stored(_NAMES[name], value) for name, value in body.values.items()}
    with naming("values"):
        service.set_own_levels(api.runtime, company, values, actor=caller.subject)
    return _listed(api, company)


def _listed(api: ApiContext, company: Company) -> ServiceLevelList:
    return ServiceLevelList(
        data=[
            ServiceLevelView(
                name=_FIELDS[one.name],
                value=_wire(one.name, one.value),
                usual=_wire(one.name, one.usual),
                lowest=_wire(one.name, one.lowest),
                highest=_wire(one.name, one.highest),
                own=one.own,
            )
            for one in service.own_levels(api.runtime, company)
        ]
    )


def _wire(name: str, value: float) -> float:
    return float(Decimal(str(value)) / 100) if name.endswith("_percent") else float(value)


def _stored(name: str, value: float | None) -> float | None:
    if value is None or not name.endswith("_percent"):
        return value
    return float(Decimal(str(value)) * 100)
