"""Which deliveries a list or an export is about, as the query says it."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from impact_in_pipelines.api.deliveries.schemas import Status, TriggerName
from impact_in_pipelines.api.http.problems import invalid
from impact_in_pipelines.api.http.schemas import NO_NUL, InputDay, Instant, PlatformName
from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.delivery.states import DeliveryStatus, Trigger
from impact_in_pipelines.platforms import Platform


def asked(
    platform: PlatformName | None = None,
    status: Annotated[list[Status] | None, Query(description="may be given several times")] = None,
    trigger: TriggerName | None = None,
    schedule_id: Annotated[UUID | None, Query(alias="scheduleId")] = None,
    start: Annotated[
        Instant | None,
        Query(alias="startDate", description="due at or after; a date is its 00:00 UTC"),
    ] = None,
    end: Annotated[
        Instant | None, Query(alias="endDate", description="due before; a date is its 00:00 UTC")
    ] = None,
    period_from: Annotated[
        InputDay | None,
        Query(
            alias="periodFrom", description="only deliveries that report on this day or a later one"
        ),
    ] = None,
    period_until: Annotated[
        InputDay | None,
        Query(
            alias="periodUntil",
            description="only deliveries that report on this day or an earlier one",
        ),
    ] = None,
    error: Annotated[
        str | None, Query(max_length=200, pattern=NO_NUL, description="text in the last error")
    ] = None,
    search: Annotated[
        str | None,
        Query(
            max_length=200,
            pattern=NO_NUL,
            description="an id or its beginning (four hex digits or more), a transaction id, or text in the "
            "last error",
        ),
    ] = None,
) -> DeliveryFilter:
    """The filter of a query. Raises a 422 problem for a span that ends before it begins."""
    if start is not None and end is not None and start >= end:
        raise invalid("query", "endDate", "must be after startDate")
    if period_from is not None and period_until is not None and period_from > period_until:
        raise invalid("query", "periodUntil", "must not lie before periodFrom")
    return DeliveryFilter(
        platform=Platform(platform) if platform else None,
        statuses=[DeliveryStatus(one) for one in status] if status else None,
        trigger=Trigger(trigger) if trigger else None,
        schedule_id=schedule_id,
        start=start,
        end=end,
        error_contains=error,
        search=search.strip() if search else None,
        period_from=period_from,
        period_until=period_until,
    )


Wanted = Annotated[DeliveryFilter, Depends(asked)]
