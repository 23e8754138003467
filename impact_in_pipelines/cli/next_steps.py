"""What a person at a terminal does about a refusal: the next command, by the refusal's code."""

from collections.abc import Mapping
from types import MappingProxyType

from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.wording import sentence

NEXT: Mapping[str, str] = MappingProxyType(
    {
        "session.unknown": "see: impact-in sessions list",
        "company.unknown": "see: impact-in companies list",
        "company.inactive": "to take it up again: impact-in companies reactivate %(company)s",
        "company.still_active": "run: impact-in companies deactivate %(company)s",
        "company.not_exported": "run: impact-in companies export %(company)s --to FILE.zip",
        "company.not_confirmed": "give it with --confirm %(company)s",
        "company.name_empty": "give the company's full name with --name",
        "connection.meant_elsewhere": "add --credentials FILE",
        "connection.address_not_encrypted": "use https, or add the host to IMPACT_IN_ALLOWED_HOSTS",
        "connection.address_not_public": "add the host or its network to IMPACT_IN_ALLOWED_HOSTS",
        "vault.no_key_fits": (
            "add the key it was written with to IMPACT_IN_SECRET_KEY, or set it again with: "
            "impact-in connections set"
        ),
        "connection.missing": (
            "run: impact-in connections set %(company)s %(platform)s --base-url URL --credentials FILE"
        ),
        "delivery.unknown": "see: impact-in deliveries list",
        "delivery.archived": (
            'read it in the folder of IMPACT_IN_ARCHIVE with: pandas.read_parquet("%(file)s", '
            'filters=[("id", "==", "%(delivery)s")])'
        ),
        "schedule.unknown": "see: impact-in schedules list",
        "schedule.id_malformed": "see: impact-in schedules list",
        "connection.client_missing": "enter them with --credentials FILE, or set --option auth=api_key",
        "connection.organization_missing": "give it with --organization-id",
        "day.no_partition": "or raise IMPACT_IN_PARTITION_DAYS",
        "replay.arrived": "--force sends it again all the same",
        "replay.skipped": "to send that again: impact-in deliveries replay %(duplicate_of)s --force",
        "database.not_found": (
            "to use another one, set IMPACT_IN_HOME to its folder (or DATABASE_URL), to make a new one "
            "here: impact-in db upgrade"
        ),
        "database.folder_unusable": (
            "set IMPACT_IN_HOME to a folder that can be written, or DATABASE_URL to a server of your own"
        ),
        "database.cannot_start": "or set DATABASE_URL to a server of your own",
        "database.elsewhere": "end it there, or set DATABASE_URL to a server of your own",
        "database.unreachable": "start it or correct DATABASE_URL",
        "database.sessions_unprepared": (
            "run: impact-in db upgrade, and have the pooler open its connections anew (RECONNECT)"
        ),
        "database.empty": "run: impact-in db upgrade",
        "database.behind": "run: impact-in db upgrade",
        "database.busy": "end them (see pg_stat_activity), then run: impact-in db upgrade",
        "database.url_invalid": "correct DATABASE_URL",
        "retention.archive_unwritable": "set IMPACT_IN_ARCHIVE to a folder that can be written",
        "retention.archive_away": "do it where the archive is, or set IMPACT_IN_ARCHIVE to it",
        "retention.archive_other": (
            "do it where the archive is, or set IMPACT_IN_ARCHIVE to it; if it is lost for good, write an "
            "archive.json with that id"
        ),
        "evidence.folder_unwritable": "set EVIDENCE_HEADS_FOLDER to a folder that can be written",
        "retention.log_busy": "end them (see pg_stat_activity), then run: impact-in retention",
        "threshold.unknown": "see: impact-in sla thresholds",
        "threshold.no_scope": "name a company, --platform or both; for all of them set SLA_… variables",
        "report.missing": "make it: impact-in sla report --period %(period)s --start %(starts_on)s",
        "platform.no_reason": "give it with --reason",
        "platform.held": "see: impact-in platforms list",
        "platform.not_held": "see: impact-in platforms list",
        "incident.unknown": "see: impact-in incidents list --all",
        "maintenance.unknown": "see: impact-in maintenance list --all",
        "maintenance.no_scope": "name it with --platform, --company or both",
        "maintenance.no_reason": "give it with --reason",
        "notices.channel_unknown": "see: impact-in notices list COMPANY",
        "notices.message_unknown": "see: impact-in notices log COMPANY CHANNEL",
        "notices.name_missing": "give it with --name",
        "notices.kinds_missing": "give them with --on",
        "notices.email_malformed": "give one to ten with --to",
        "notices.too_many_channels": (
            "remove one with: impact-in notices remove COMPANY CHANNEL, or raise "
            "NOTICE_CHANNELS_PER_COMPANY"
        ),
        "notices.no_mail_server": "set SMTP_HOST and SMTP_FROM",
        "token.unknown": "see: impact-in token list COMPANY",
        "token.too_many": "revoke one: impact-in token revoke --company COMPANY NAME",
    }
)
"""`%(name)s` stands for the refusal's parameters, as a command takes them."""


def told(error: ImpactInError) -> str:
    """The refusal in one line: with what was meant, where a note on it says so, and the next command, where
    there is one."""
    said = "; ".join([sentence(error), *getattr(error, "__notes__", ())])
    step = NEXT.get(error.code)
    if step is None:
        return said
    step %= error.parameters
    return f"{said} {step[:1].upper()}{step[1:]}" if said.endswith("?") else f"{said}; {step}"
