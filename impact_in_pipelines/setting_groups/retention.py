"""The settings of retention: how long what is over is kept, and where it is archived before it goes."""

from pathlib import Path

from pydantic import BaseModel, Field


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
