"""The settings of the breakers (design D12): when deliveries are held, and how often one is tried."""

from pydantic import BaseModel, Field


class BreakerSettings(BaseModel):
    """Part of `settings.Settings`: the fields that begin with BREAKER_."""

    breaker_window_minutes: int = Field(
        15, ge=1, le=1440, description="a whole number of minutes from 1 to 1440"
    )
    breaker_platform_attempts: int = Field(
        5, ge=1, le=100_000, description="a whole number of attempts from 1 to 100000"
    )
    breaker_lone_attempts: int = Field(
        10, ge=1, le=100_000, description="a whole number of attempts from 1 to 100000"
    )
    breaker_connection_attempts: int = Field(
        5, ge=1, le=100_000, description="a whole number of attempts from 1 to 100000"
    )
    breaker_refusals: int = Field(
        3, ge=1, le=100_000, description="a whole number of attempts from 1 to 100000"
    )
    breaker_first_probe_seconds: int = Field(
        30, ge=1, le=3600, description="seconds, from 1 to 3600"
    )
    breaker_longest_probe_seconds: int = Field(
        240, ge=1, le=86_400, description="seconds, from 1 to 86400"
    )
    breaker_longest_refused_probe_seconds: int = Field(
        3600, ge=1, le=86_400, description="seconds, from 1 to 86400"
    )
    breaker_refused_pause_hours: int = Field(
        72, ge=1, le=8760, description="a whole number of hours from 1 to 8760"
    )
    breaker_resume_cooldown_seconds: int = Field(
        60, ge=0, le=86_400, description="seconds, from 0 to 86400"
    )
