"""What was delivered, as an archive that an auditor can check without anybody's help."""

import sys
import zipfile
from datetime import date
from typing import Any
from uuid import UUID

from impact_in_client import AuthenticatedClient
from impact_in_client.api.evidence import export_evidence
from impact_in_client.types import File


def run(client: AuthenticatedClient, company: UUID) -> dict[str, Any]:
    """The archive of a quarter; save `archive.payload` to keep it."""
    archive = export_evidence.sync(
        company, client=client, from_=date(2026, 1, 1), to=date(2026, 3, 31)
    )
    assert isinstance(archive, File), archive
    with zipfile.ZipFile(archive.payload) as content:
        return {"readable": content.testzip() is None, "files": len(content.namelist()) > 1}


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(f"usage: {sys.argv[0]} URL TOKEN COMPANY_ID")
    url, token, company_id = sys.argv[1:]
    print(run(AuthenticatedClient(base_url=url, token=token), UUID(company_id)))
