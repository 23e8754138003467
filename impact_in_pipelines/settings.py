"""One frozen settings object, read whole from the environment at start (design, section 7).

Names in the environment are the upper-case field names unless an alias says otherwise. Units are in the
names. A value that doesn't hold stops the program with one line (`InvalidSetting`). Secrets are
`SecretStr`, so that neither a repr nor a log line shows them.
"""

import os
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from impact_in_pipelines.errors import InvalidSetting
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.setting_forms import (
    HttpUrl,
    RetryDelays,
    divides_an_hour,
    hosts,
    origins,
    retry_delays,
)
from impact_in_pipelines.setting_groups import SettingGroups
from impact_in_pipelines.setting_groups.accounts import (
    PlatformAccount,
    account_names,
    accounts_in,
)

HOW_TO_MAKE_A_KEY = (
    'make one with: python -c "from cryptography.fernet import Fernet; '
    'print(Fernet.generate_key().decode())"'
)
KEY_NEEDED = f"IMPACT_IN_SECRET_KEY must be set when DATABASE_URL is; {HOW_TO_MAKE_A_KEY}"
_KEY_BYTES = 32


class Settings(SettingGroups):
    """Every setting of the program; each field's description says what the value must be."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    # Where things live
    database_url: SecretStr | None = Field(
        None, description="a PostgreSQL URL such as postgresql://user:password@host:5432/name"
    )
    database_direct_url: SecretStr | None = Field(
        None,
        description="the PostgreSQL URL of the server itself, where DATABASE_URL leads to a pooler in "
        "transaction mode",
    )
    statement_timeout_ms: int = Field(
        60_000,
        alias="DATABASE_STATEMENT_TIMEOUT_MS",
        ge=1_000,
        le=3_600_000,
        description="milliseconds, from 1000 to 3600000",
    )
    tcp_user_timeout_ms: int = Field(
        30_000,
        alias="DATABASE_TCP_USER_TIMEOUT_MS",
        ge=1_000,
        le=600_000,
        description="milliseconds, from 1000 to 600000",
    )
    tcp_keepalive_idle_seconds: int = Field(
        30,
        alias="DATABASE_TCP_KEEPALIVE_IDLE_SECONDS",
        ge=1,
        le=3600,
        description="seconds, from 1 to 3600",
    )
    tcp_keepalive_interval_seconds: int = Field(
        10,
        alias="DATABASE_TCP_KEEPALIVE_INTERVAL_SECONDS",
        ge=1,
        le=600,
        description="seconds, from 1 to 600",
    )
    home: Path = Field(
        Path(".impact-in"), alias="IMPACT_IN_HOME", description="a folder that can be written"
    )
    secret_key: SecretStr | None = Field(
        None,
        alias="IMPACT_IN_SECRET_KEY",
        description="one or more Fernet keys, comma-separated, the newest first",
    )
    partition_days: int = Field(
        400,
        alias="IMPACT_IN_PARTITION_DAYS",
        ge=1,
        le=3660,
        description="a whole number of days from 1 to 3660",
    )

    # Scheduler
    enable_scheduler: bool = Field(True, description="true or false")
    scheduler_check_interval: Annotated[int, AfterValidator(divides_an_hour)] = Field(
        1,
        description="minutes that divide an hour evenly: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20 or 30",
    )
    drains_per_platform: int = Field(2, ge=1, le=50, description="a whole number from 1 to 50")
    drain_linger_seconds: int = Field(20, ge=0, le=300, description="seconds, from 0 to 300")
    scheduler_max_retries: int = Field(3, ge=0, le=10, description="a whole number from 0 to 10")
    scheduler_retry_delay_ms: int = Field(
        300_000, ge=1, le=86_400_000, description="milliseconds, from 1 to 86400000"
    )
    scheduler_backoff_multiplier: float = Field(
        2.0, ge=1.0, le=10.0, description="a number from 1 to 10"
    )
    retry_delays_ms: Annotated[RetryDelays, BeforeValidator(retry_delays)] = Field(
        (),
        description="delays by platform, or by platform and kind of error, such as "
        "workday=60000,300000; goodera.rate_limited=60000,60000: up to ten, each from 1 to 86400000 ms",
    )
    retry_jitter: float = Field(
        0.2,
        alias="IMPACT_IN_RETRY_JITTER",
        ge=0.0,
        lt=1.0,
        description="a fraction of the delay, from 0 to below 1",
    )
    dedup_window_hours: int = Field(
        24, alias="IMPACT_IN_DEDUP_WINDOW_HOURS", ge=1, le=720, description="hours, from 1 to 720"
    )
    lease_seconds: int = Field(
        180, alias="IMPACT_IN_LEASE_SECONDS", ge=5, le=3600, description="seconds, from 5 to 3600"
    )

    # HTTP
    http_connect_timeout_ms: int = Field(
        5_000, ge=1, le=120_000, description="milliseconds, from 1 to 120000"
    )
    http_read_timeout_ms: int = Field(
        30_000, ge=1, le=600_000, description="milliseconds, from 1 to 600000"
    )
    http_retry_after_max_ms: int = Field(
        10_000,
        ge=0,
        le=60_000,
        description="milliseconds; a longer Retry-After is not waited for within one attempt",
    )

    allowed_hosts: Annotated[tuple[str, ...], BeforeValidator(hosts)] = Field(
        (),
        alias="IMPACT_IN_ALLOWED_HOSTS",
        description="host names, addresses or networks such as 10.1.0.0/16, comma-separated, that base "
        "URLs may lead to beside public addresses over https",
    )

    accounts: Mapping[Platform, PlatformAccount] = Field(
        {}, alias="<PLATFORM>_API_URL", description="the default connections, by platform"
    )

    # SLA and alerts
    enable_sla_monitoring: bool = Field(True, description="true or false")
    sla_window_days: int = Field(7, ge=1, le=366, description="days, from 1 to 366")
    sla_success_rate_target_percent: float = Field(
        98.0, ge=0, le=100, description="a percentage from 0 to 100"
    )
    sla_success_rate_warning_percent: float = Field(
        95.0, ge=0, le=100, description="a percentage from 0 to 100"
    )
    sla_on_time_rate_target_percent: float = Field(
        98.0, ge=0, le=100, description="a percentage from 0 to 100"
    )
    sla_page_policy: Literal["literal", "significant"] = Field(
        "literal", description="literal or significant"
    )
    sla_retry_success_rate_target_percent: float = Field(
        90.0, ge=0, le=100, description="a percentage from 0 to 100"
    )
    sla_retry_success_rate_warning_percent: float = Field(
        85.0, ge=0, le=100, description="a percentage from 0 to 100"
    )
    sla_latency_target_ms: float = Field(
        300_000, ge=1, le=604_800_000, description="milliseconds, from 1 to 604800000"
    )
    sla_latency_warning_ms: float = Field(
        240_000, ge=1, le=604_800_000, description="milliseconds, from 1 to 604800000"
    )
    sla_consecutive_failures_critical: int = Field(
        3, ge=1, le=1000, description="a whole number from 1 to 1000"
    )
    sla_overdue_after_minutes: int = Field(
        5, ge=1, le=1440, description="a whole number of minutes from 1 to 1440"
    )
    sla_overdue_critical_after_minutes: int = Field(
        15, ge=1, le=10_080, description="a whole number of minutes from 1 to 10080"
    )
    sla_min_deliveries: int = Field(
        10, ge=1, le=100_000, description="a whole number from 1 to 100000"
    )
    slack_webhook_url: SecretStr | None = Field(None, description="an incoming webhook's URL")
    slack_critical_webhook_url: SecretStr | None = Field(
        None, description="an incoming webhook's URL"
    )
    pagerduty_integration_key: SecretStr | None = Field(
        None, description="an Events API v2 integration key"
    )
    pagerduty_events_url: HttpUrl | None = Field(None, description="an http or https URL")
    alert_timeout_ms: int = Field(
        10_000, ge=100, le=30_000, description="milliseconds, from 100 to 30000"
    )
    alert_recovery_hold_minutes: int = Field(
        5, ge=0, le=1440, description="a whole number of minutes from 0 to 1440"
    )
    outage_after_minutes: int = Field(
        30, ge=1, le=1440, description="a whole number of minutes from 1 to 1440"
    )
    outage_min_attempts: int = Field(
        5, ge=1, le=1000, description="a whole number of attempts from 1 to 1000"
    )
    dagster_ui_url: HttpUrl = Field("http://127.0.0.1:3000", description="an http or https URL")
    dagster_internal_url: HttpUrl | None = Field(None, description="an http or https URL")
    cockpit_url: HttpUrl = Field("http://127.0.0.1:3007", description="an http or https URL")
    runbook_url: HttpUrl | None = Field(None, description="an http or https URL")

    # API
    api_rate_limit_per_minute: int = Field(
        600,
        alias="IMPACT_IN_API_RATE_LIMIT_PER_MINUTE",
        ge=1,
        le=10_000_000,
        description="requests a minute of one token's subject, from 1 to 10000000",
    )
    api_anonymous_limit_per_minute: int = Field(
        300,
        alias="IMPACT_IN_API_ANONYMOUS_LIMIT_PER_MINUTE",
        ge=1,
        le=10_000_000,
        description="requests a minute from one address without a valid token or session, from 1 to 10000000",
    )
    api_streams_per_subject: int = Field(
        20,
        alias="IMPACT_IN_API_STREAMS_PER_SUBJECT",
        ge=1,
        le=10_000,
        description="event streams that one subject may hold open in a process, from 1 to 10000",
    )
    api_cors_origins: Annotated[tuple[str, ...], BeforeValidator(origins)] = Field(
        (),
        description="origins such as https://portal.example.org, comma-separated, whose scripts may call "
        "the API",
    )
    dagster_timeout_ms: int = Field(
        3_000, ge=1, le=60_000, description="milliseconds, from 1 to 60000"
    )
    webhook_tolerance_seconds: int = Field(
        300,
        alias="IMPACT_IN_WEBHOOK_TOLERANCE_SECONDS",
        ge=1,
        le=86_400,
        description="seconds, from 1 to 86400",
    )
    metrics_company_label: bool = Field(
        False, alias="IMPACT_IN_METRICS_COMPANY_LABEL", description="true or false"
    )

    @property
    def archive_folder(self) -> Path | None:
        """Where what leaves the database is kept. Of a server of one's own that has to be said: a process's
        home may end with it, as a pod's does."""
        return self.archive or (None if self.database_url else self.home / "archive")

    def platform_url(self, platform: Platform) -> str | None:
        """The default connection's base URL, or None where the environment names none."""
        url = self._account(platform).url
        return url.rstrip("/") if url else None

    def platform_organization(self, platform: Platform) -> str | None:
        """The default connection's organisation id, or None: the company's slug stands in."""
        return self._account(platform).organization_id

    def platform_credentials(self, platform: Platform) -> dict[str, str]:
        """The default connection's credentials as plain strings; absent ones are left out."""
        found = self._account(platform).credentials
        return {name: value.get_secret_value() for name, value in found.items()}

    def _account(self, platform: Platform) -> PlatformAccount:
        return self.accounts.get(platform) or PlatformAccount()


def _environment_name(field: str) -> str:
    return Settings.model_fields[field].alias or field.upper()


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environment` (default: the process's). Empty values count as absent.

    Raises `InvalidSetting`: one line with the variable, what it must be and what it was (secrets masked).
    Also for `DATABASE_URL` without a key: one that this machine made would lock the others out (section 7).
    """
    source = os.environ if environment is None else environment
    values: dict[str, Any] = {"accounts": accounts_in(source)}
    for field in Settings.model_fields:
        text = source.get(_environment_name(field), "").strip()
        if text:
            values[field] = text
    try:
        settings = Settings.model_validate(values)
    except ValidationError as failure:
        field = str(failure.errors()[0]["loc"][0])
        name = next(
            (f for f, info in Settings.model_fields.items() if field in (f, info.alias)), field
        )
        info = Settings.model_fields[name]
        secret = "SecretStr" in str(info.annotation)
        shown = "***" if secret else repr(values.get(name, ""))
        raise InvalidSetting(
            f"{_environment_name(name)} must be {info.description}; it was {shown}"
        ) from None
    _check_key(settings)
    return settings


def setting_names() -> tuple[str, ...]:
    """The settings' names in the environment, sorted, those of the default connections included."""
    single = (_environment_name(field) for field in Settings.model_fields if field != "accounts")
    return tuple(sorted([*single, *account_names(Platform)]))


def _check_key(settings: Settings) -> None:
    if settings.secret_key is None:
        if settings.database_url is not None:
            raise InvalidSetting(KEY_NEEDED)
        return
    keys = [key.strip() for key in settings.secret_key.get_secret_value().split(",")]
    if not any(keys) or not all(_is_fernet_key(key) for key in keys if key):
        raise InvalidSetting(
            "IMPACT_IN_SECRET_KEY must hold Fernet keys, comma-separated, the newest first; it holds "
            f"something else (not shown); {HOW_TO_MAKE_A_KEY}"
        )


def _is_fernet_key(text: str) -> bool:
    try:
        return len(urlsafe_b64decode(text)) == _KEY_BYTES
    except ValueError:
        return False


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read on first use."""
    return read_settings()
