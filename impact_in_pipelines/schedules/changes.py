"""Schedules at run time, from the Launchpad: pause or resume many at once, with a reason."""

from enum import Enum, StrEnum

from dagster import (
    Config,
    Failure,
    JobDefinition,
    MetadataValue,
    OpExecutionContext,
    RunConfig,
    in_process_executor,
    job,
    op,
)
from pydantic import Field

from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.plurals import count
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services import schedules
from impact_in_pipelines.wording import sentence
from impact_in_pipelines.wording.notes import note_sentence


class BulkAction(StrEnum):
    """What is done to the schedules. The Launchpad shows names, so they are the words."""

    pause = "pause"
    resume = "resume"


_ALL = "all"
BulkPlatform = Enum("BulkPlatform", {_ALL: _ALL} | {one.value: one.value for one in Platform})  # type: ignore[misc]
"""Whose schedules: the Launchpad offers the platforms that are installed."""


class BulkChange(Config):
    """Which schedules, and why. An empty company means all of them."""

    action: BulkAction = Field(description="pause or resume")
    company: str = Field(default="", description="A company's slug or id; empty: every company.")
    platform: BulkPlatform = Field(
        default=BulkPlatform(_ALL), description="One platform's schedules, or all."
    )
    reason: str = Field(
        default="",
        description="Needed to pause. To resume: only those paused for this reason; empty: all.",
    )


@op(description="Pauses or resumes the schedules of a company, a platform, or both.")
def change_schedules(
    context: OpExecutionContext, config: BulkChange, runtime: RuntimeResource
) -> None:
    """One transaction; each change is in the audit log with this run as its actor."""
    try:
        changed = apply_change(runtime.get(), config, actor=f"dagster run {context.run_id}")
    except ImpactInError as error:
        raise Failure(description=sentence(error), allow_retries=False) from error
    context.log.info(f"{config.action}: {count(len(changed), 'schedule')}")
    lines = "\n".join(f"- {line}" for line in changed) or "none"
    context.add_output_metadata(
        {"schedules": len(changed), "which": MetadataValue.md(lines), "reason": config.reason}
    )


def apply_change(runtime: Runtime, config: BulkChange, *, actor: str) -> list[str]:
    """Do it; returns a line for each schedule. Raises `CompanyUnknown` and `PauseReasonMissing`."""
    company = config.company or None
    chosen = config.platform
    platform = None if chosen.value == _ALL else schedules.parse_platform(chosen.value)
    if config.action is BulkAction.pause:
        changed = schedules.pause_all(
            runtime, config.reason, company=company, platform=platform, actor=actor
        )
    else:
        changed = schedules.resume_all(
            runtime,
            company=company,
            platform=platform,
            reason=config.reason or None,
            actor=actor,
        )
    return [
        f"{one.company} to {one.platform.value}: {one.in_words}"
        + (f": {note_sentence(one.notice)}" if one.notice else "")
        for one in changed
    ]


def pause_or_resume() -> JobDefinition:
    """The job `pause_or_resume_schedules`."""

    @job(
        name="pause_or_resume_schedules",
        description="Pauses or resumes delivery schedules by company or platform, with a reason.",
        executor_def=in_process_executor,
        # What the Launchpad begins with; to pause it needs a reason.
        config=RunConfig(ops={"change_schedules": BulkChange(action=BulkAction.pause)}),
    )
    def pause_or_resume_schedules() -> None:
        change_schedules()

    return pause_or_resume_schedules
