"""When a company's figures are sent: a schedule tried before it is made, changed, paused, removed."""

import sys
from typing import Any
from uuid import UUID

from impact_in_client import AuthenticatedClient
from impact_in_client.api.schedules import (
    create_schedule,
    delete_schedule,
    pause_schedule,
    preview_schedule,
    update_schedule,
)
from impact_in_client.models import (
    NewSchedule,
    Pause,
    Preview,
    Schedule,
    ScheduleChange,
)


def run(client: AuthenticatedClient, company: UUID) -> dict[str, Any]:
    """Every weekday at half past eight in Oslo."""
    new = NewSchedule(
        schedule="30 8 * * 1-5", company_id=company, platform="goodera", timezone="Europe/Oslo"
    )
    made = create_schedule.sync(client=client, body=new)
    assert isinstance(made, Schedule), made
    preview = preview_schedule.sync(made.id, client=client, count=3)
    assert isinstance(preview, Preview), preview
    changed = update_schedule.sync(made.id, client=client, body=ScheduleChange(schedule="weekly"))
    assert isinstance(changed, Schedule), changed
    paused = pause_schedule.sync(made.id, client=client, body=Pause(reason="A move"))
    assert isinstance(paused, Schedule), paused
    delete_schedule.sync(made.id, client=client)
    return {"fires": len(preview.fires), "schedule": changed.schedule, "active": paused.active}


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(f"usage: {sys.argv[0]} URL TOKEN COMPANY_ID")
    url, token, company_id = sys.argv[1:]
    print(run(AuthenticatedClient(base_url=url, token=token), UUID(company_id)))
