"""Uploaded files of events on the wire."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from impact_in_pipelines.api.http.schemas import Model, Moment


class RejectedRowView(Model):
    """A row that isn't imported."""

    line: int = Field(description="its line in the file")
    reason: str = Field(description="every rule that it breaks")
    fields: list[str] = Field(description="its fields as they were")


class UploadView(Model):
    """An uploaded file of events: what an import would do, or has done."""

    id: UUID
    company_id: UUID
    file_name: str = Field(description="what the file is called")
    bytes: int = Field(description="its size")
    sha256: str = Field(description="SHA-256 of its content, in hex")
    state: Literal["checked", "imported", "discarded"] = Field(
        description="checked: nothing is imported yet; it is discarded after a day"
    )
    rows: int = Field(description="rows below the header")
    imported: int = Field(description="new events")
    updated: int = Field(description="events that an earlier file had with other content")
    unchanged: int = Field(description="events that are known already")
    duplicates: int = Field(description="rows that repeat another one of the file")
    rejected: int = Field(description="rows that aren't imported")
    rejects_kept: bool = Field(description="whether the rejected rows can be downloaded")
    uploaded_by: str = Field(description="who uploaded it")
    uploaded_at: Moment = Field(description="when it was uploaded")
    decided_by: str | None = Field(description="who had it imported or discarded")
    decided_at: Moment | None = Field(description="when that was decided")


class UploadDetail(UploadView):
    """An upload with its first rejected rows."""

    first_rejects: list[RejectedRowView] = Field(description="at most 200 of the rejected rows")


class UploadPage(Model):
    """The latest uploads of a company."""

    data: list[UploadView]
