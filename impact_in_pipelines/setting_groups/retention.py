"""The settings of what is kept: for how long, where it is archived before it goes, and where the heads of the
chains of evidence are published."""

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr


class RetentionSettings(BaseModel):
    """Part of `settings.Settings`: the fields that begin with RETENTION_, and IMPACT_IN_ARCHIVE."""

    archive: Path | None = Field(
        None,
        alias="IMPACT_IN_ARCHIVE",
        description="a folder that can be written and lasts",
    )
    retention_deliveries_months: int = Field(
        25, ge=2, le=1200, description="a whole number of months from 2 to 1200"
    )
    retention_audit_months: int = Field(
        37, ge=2, le=1200, description="a whole number of months from 2 to 1200"
    )
    retention_figures_days: int = Field(
        800, ge=1, le=36_600, description="a whole number of days from 1 to 36600"
    )
    retention_notices_days: int = Field(
        90, ge=1, le=3660, description="a whole number of days from 1 to 3660"
    )
    retention_runs_days: int = Field(
        30, ge=1, le=3660, description="a whole number of days from 1 to 3660"
    )


class EvidenceSettings(BaseModel):
    """Part of `settings.Settings`: the fields that begin with EVIDENCE_."""

    evidence_heads_folder: Path | None = Field(
        None,
        description="a folder that can be written, preferably on another organisation's machine",
    )
    evidence_heads_webhook_url: SecretStr | None = Field(
        None, pattern=r"^https?://\S+$", description="an http(s) URL that takes a POST of JSON"
    )
    upload_limit_mb: int = Field(
        50,
        alias="IMPACT_IN_UPLOAD_LIMIT_MB",
        ge=1,
        le=2_000,
        description="megabytes, from 1 to 2000",
    )
