"""The settings of notices to companies: how they are sent, and the server that takes e-mails."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, FilePath, SecretStr

from impact_in_pipelines.setting_forms import minutes


class NoticeSettings(BaseModel):
    """Part of `settings.Settings`: the fields that begin with NOTICE_ and SMTP_."""

    smtp_host: str | None = Field(
        None, description="the host name of the server that takes e-mails; absent: none are sent"
    )
    smtp_port: int = Field(587, ge=1, le=65_535, description="a port from 1 to 65535")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="starttls, tls or none"
    )
    smtp_ca_file: FilePath | None = Field(
        None,
        description="a file of certificates (PEM) that vouch for that server; absent: the machine's",
    )
    smtp_username: str | None = Field(None, description="the account's name at that server")
    smtp_password: SecretStr | None = Field(None, description="the account's password")
    smtp_from: str | None = Field(
        None,
        pattern=r"^[^@\s<>]+@[^@\s<>]+$",
        description="the e-mail address that notices come from",
    )
    notice_timeout_ms: int = Field(
        10_000, ge=100, le=60_000, description="milliseconds, from 100 to 60000"
    )
    notice_retry_minutes: Annotated[tuple[int, ...], BeforeValidator(minutes)] = Field(
        (5, 10, 20, 30, 60, 120, 240, 480, 720, 1440),
        description="minutes between the tries to send a notice, comma-separated: at most twenty, each from "
        "1 to 2880",
    )
    notice_late_after_minutes: int = Field(
        15, ge=1, le=10_080, description="a whole number of minutes from 1 to 10080"
    )
    notice_held_after_minutes: int = Field(
        5, ge=0, le=10_080, description="a whole number of minutes from 0 to 10080"
    )
    notice_disable_after_hours: int = Field(
        72, ge=1, le=8760, description="a whole number of hours from 1 to 8760"
    )
    notice_secret_overlap_hours: int = Field(
        24, ge=0, le=720, description="a whole number of hours from 0 to 720"
    )
    notice_channels_per_company: int = Field(
        20, ge=1, le=1000, description="a whole number from 1 to 1000"
    )
