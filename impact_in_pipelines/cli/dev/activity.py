"""`python -m impact_in_pipelines.cli.dev.activity`: something happens every minute in `impact-in dev`.

It wakes the schedules, and without new events the company that is due every minute would have nothing new to
send: each of its deliveries would be skipped as a duplicate.
"""

import time
from datetime import UTC, datetime

from impact_in_pipelines.cli.context import open_runtime
from impact_in_pipelines.cli.demo.world import DEV_COMPANY, import_activity, wake

_EVERY_S = 45.0

if __name__ == "__main__":
    runtime = open_runtime()
    wake(runtime, datetime.now(UTC))
    while True:
        import_activity(runtime, DEV_COMPANY, datetime.now(UTC))
        time.sleep(_EVERY_S)
