"""A company's life after it was added, and a person's erasure. All of it needs a token for all companies."""

import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from uuid import UUID

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from impact_in_pipelines.api.access.rights import MANAGE, Api, Caller, only_all, own_company
from impact_in_pipelines.api.access.tokens import Principal
from impact_in_pipelines.api.companies.life_schemas import (
    CompanyBody,
    CompanyDeactivation,
    CompanyReactivation,
    DeactivationBody,
    Erasure,
    ErasureBody,
    PersonBody,
)
from impact_in_pipelines.api.companies.schemas import CompanyView
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.http.archives import ZIP, Made
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.services.accounts import lives

router = api_router("Companies")

_ZIP = {
    "200": {
        "description": "everything of the company",
        "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}},
    }
}


def _operated(api: ApiContext, caller: Principal, company_id: UUID, what: str) -> Company:
    found = own_company(api, caller, company_id)
    only_all(caller, what)
    # What is known of it may be half a minute old.
    return api.runtime.companies.find(str(found.id))


@router.patch(
    "/companies/{companyId:id}",
    operation_id="updateCompany",
    summary="Give a company another name",
    dependencies=[MANAGE],
)
def update_company(api: Api, caller: Caller, companyId: UUID, body: CompanyBody) -> CompanyView:  # noqa: N803
    company = _operated(api, caller, companyId, "renaming a company")
    made = lives.rename(api.runtime, company, body.name, actor=caller.subject)
    api.companies.forget(companyId)
    return CompanyView(**asdict(made))


@router.post(
    "/companies/{companyId}/deactivate",
    operation_id="deactivateCompany",
    summary="Stop everything of a company",
    dependencies=[MANAGE],
)
def deactivate_company(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    body: DeactivationBody | None = None,
) -> CompanyDeactivation:
    company = _operated(api, caller, companyId, "switching a company off")
    reason = body.reason if body else None
    done = lives.deactivate(api.runtime, company, actor=caller.subject, reason=reason)
    api.companies.forget(companyId)
    return CompanyDeactivation(
        company=CompanyView(**asdict(done.company)),
        schedules=done.schedules,
        cancelled=done.cancelled,
        being_sent=done.being_sent,
    )


@router.post(
    "/companies/{companyId}/reactivate",
    operation_id="reactivateCompany",
    summary="Switch a company on again",
    dependencies=[MANAGE],
)
def reactivate_company(api: Api, caller: Caller, companyId: UUID) -> CompanyReactivation:  # noqa: N803
    company = _operated(api, caller, companyId, "switching a company on")
    done = lives.reactivate(api.runtime, company, actor=caller.subject)
    api.companies.forget(companyId)
    running = sum(one.active for one in done.schedules)
    return CompanyReactivation(
        company=CompanyView(**asdict(done.company)),
        schedules=running,
        still_paused=len(done.schedules) - running,
    )


@router.get(
    "/companies/{companyId}/export",
    operation_id="exportCompany",
    summary="Everything of a company, as a ZIP",
    dependencies=[MANAGE],
    response_class=Response,
    responses=_ZIP,  # type: ignore[arg-type]
)
async def export_company(
    api: Api,
    caller: Caller,
    request: Request,
    companyId: UUID,  # noqa: N803
) -> Response:
    company = await run_sync(_operated, api, caller, companyId, "exporting a company")
    return await export_response(api, request, company, caller.subject)


async def export_response(
    api: ApiContext, request: Request, company: Company, actor: str
) -> Response:
    """The ZIP, made in its turn; it goes when it is sent. Before its last byte was taken it counts as no
    export, not for a connection that broke."""
    make = partial(_exported, api, company, actor)
    return await api.archives.response(request, make, f"{company.slug}.zip")


def _exported(api: ApiContext, company: Company, actor: str) -> Made:
    with tempfile.TemporaryDirectory(prefix="impact-in-export-") as folder:
        path = Path(folder) / f"{company.slug}.zip"
        handed_over = lives.write_export(api.runtime, company, path, actor=actor)
        # The file stays as long as it is open. Without its size: see `Made`.
        return Made(path.open("rb"), handed_over=handed_over)


@router.post(
    "/companies/{companyId}/erase",
    operation_id="eraseCompany",
    summary="Erase everything of a company",
    dependencies=[MANAGE],
)
def erase_company(api: Api, caller: Caller, companyId: UUID, body: ErasureBody) -> Erasure:  # noqa: N803
    company = _operated(api, caller, companyId, "erasing a company")
    done = lives.erase(
        api.runtime,
        company,
        confirmed=body.slug,
        export_sha256=body.export_sha256,
        actor=caller.subject,
    )
    api.companies.forget(companyId)
    return Erasure(rows=dict(done.rows), archives=dict(done.archives))


@router.post(
    "/companies/{companyId}/participants/erase",
    operation_id="eraseParticipant",
    summary="Erase a person's reference wherever it stands",
    dependencies=[MANAGE],
)
def erase_participant(api: Api, caller: Caller, companyId: UUID, body: PersonBody) -> Erasure:  # noqa: N803
    company = _operated(api, caller, companyId, "erasing a person")
    done = lives.erase_participant(api.runtime, company, body.reference, actor=caller.subject)
    return Erasure(rows=dict(done.rows), archives=dict(done.archives))
