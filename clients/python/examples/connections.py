"""A company's accounts on the platforms: one changed, all of them listed page by page."""

import sys
from typing import Any
from uuid import UUID

from impact_in_client import AuthenticatedClient
from impact_in_client.api.companies import list_companies
from impact_in_client.api.connections import list_connections, set_connection
from impact_in_client.models import (
    CompanyPage,
    Connection,
    ConnectionChange,
    ConnectionPage,
)


def run(client: AuthenticatedClient, company: UUID) -> dict[str, Any]:
    """Give the account on Workday another organisation id; credentials and the rest stay as they are."""
    companies = list_companies.sync(client=client)
    assert isinstance(companies, CompanyPage), companies
    change = ConnectionChange(organization_id="org-7")
    changed = set_connection.sync(company, "workday", client=client, body=change)
    assert isinstance(changed, Connection), changed
    connections: list[Connection] = []
    cursor: str | None = None
    while True:
        page = list_connections.sync(client=client, company_id=company, limit=1, cursor=cursor)
        assert isinstance(page, ConnectionPage), page
        connections += page.data
        cursor = page.next_cursor
        if cursor is None:
            break
    return {
        "companies": len(companies.data),
        "changed": changed.organization_id,
        "connections": [one.platform for one in connections],
    }


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(f"usage: {sys.argv[0]} URL TOKEN COMPANY_ID")
    url, token, company_id = sys.argv[1:]
    print(run(AuthenticatedClient(base_url=url, token=token), UUID(company_id)))
