"""`python -m impact_in_pipelines.cli.activity`: something happens every minute in `impact-in dev`.

Without new events the company that is due every minute would have nothing new to send, and each of its
deliveries would be skipped as a duplicate.
"""

import time
from datetime import UTC, datetime

from impact_in_pipelines.cli.context import open_runtime
from impact_in_pipelines.cli.world import DEV_COMPANY, import_activity

_EVERY_S = 45.0

if __name__ == "__main__":
    runtime = open_runtime()
    while True:
        import_activity(runtime, DEV_COMPANY, datetime.now(UTC))
        time.sleep(_EVERY_S)
