"""A file of events: checked first, its rejected rows read, then imported."""

import sys
from io import BytesIO
from typing import Any
from uuid import UUID

from impact_in_client import AuthenticatedClient
from impact_in_client.api.companies import list_companies
from impact_in_client.api.uploads import import_upload, upload_events
from impact_in_client.models import CompanyPage, Upload, UploadDetail
from impact_in_client.types import File

HEADER = (
    "event_id,company,occurred_at,activity,participant_ref,volunteer_ref,hours,outcome_category,"
    "outcome_score"
)


def run(client: AuthenticatedClient, company: UUID) -> dict[str, Any]:
    """Upload two rows, of which one doesn't hold, and import the other."""
    companies = list_companies.sync(client=client)
    assert isinstance(companies, CompanyPage), companies
    slug = next(one.slug for one in companies.data if one.id == company)
    rows = [
        f"client-1,{slug},2026-03-09T10:00:00Z,session,p1,v1,1.5,,",
        f"client-2,{slug},2026-03-09T10:00,session,p2,,2,,",
    ]
    file = File(payload=BytesIO("\r\n".join([HEADER, *rows, ""]).encode()))
    checked = upload_events.sync(company, client=client, body=file, file_name="march.csv")
    assert isinstance(checked, UploadDetail), checked
    done = import_upload.sync(company, checked.id, client=client)
    assert isinstance(done, Upload), done
    return {
        "state": done.state,
        "imported": done.imported,
        "rejected": [row.line for row in checked.first_rejects],
    }


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(f"usage: {sys.argv[0]} URL TOKEN COMPANY_ID")
    url, token, company_id = sys.argv[1:]
    print(run(AuthenticatedClient(base_url=url, token=token), UUID(company_id)))
