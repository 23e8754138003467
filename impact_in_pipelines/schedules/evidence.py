"""Evidence every day: chains completed, their heads published."""

from dagster import (
    Backoff,
    DefaultScheduleStatus,
    Failure,
    OpExecutionContext,
    RetryPolicy,
    ScheduleDefinition,
    in_process_executor,
    job,
    op,
)

from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.plurals import count
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.services.evidence.publishing import publish
from impact_in_pipelines.wording import sentence


@op(
    description="Links what has ended without a link, and publishes where every company's chain stands.",
    retry_policy=RetryPolicy(max_retries=3, delay=30, backoff=Backoff.EXPONENTIAL),
)
def publish_heads(context: OpExecutionContext, runtime: RuntimeResource) -> None:
    """To the folder and the receiver that EVIDENCE_… name."""
    try:
        done = publish(runtime.get())
    except ImpactInError as error:
        raise Failure(description=sentence(error)) from error
    context.add_output_metadata(
        {
            "companies": done.companies,
            "file": str(done.file or "none"),
            "posted": done.posted,
            "links_added": done.linked,
            "strays": list(done.strays),
        }
    )
    if done.strays:
        raise Failure(
            description=f"the chains of {count(len(done.strays), 'company', 'companies')} no longer lead "
            "through what was published last: the database was put back, or the log was written anew",
            metadata={"companies": list(done.strays)},
            allow_retries=False,
        )


@job(
    executor_def=in_process_executor,
    description="Completes the chains of evidence and publishes their heads.",
)
def evidence() -> None:
    publish_heads()


def daily_evidence() -> ScheduleDefinition:
    """At 00:20 UTC: most of the day before has ended."""
    return ScheduleDefinition(
        name="evidence_daily",
        job=evidence,
        cron_schedule="20 0 * * *",
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description="Publishes the heads of all chains of evidence.",
    )
