"""The API's OpenAPI document, from which the clients are generated, as it stands in the repository.

`python clients/document.py` writes `openapi.json` beside this file anew, `python clients/document.py FILE`
writes that file; a test compares the two. The document names the platforms of this package only: connectors
that a developer has installed would otherwise get into everybody's clients.
"""

import json
import sys
from pathlib import Path

from fastapi import FastAPI

from impact_in_pipelines.platforms import leave_out_others

FILE = Path(__file__).with_name("openapi.json")


def text() -> str:
    """The document, a line for each value, so that changes can be read."""
    leave_out_others()
    # Imported only now: the schemas list the platforms as soon as they are.
    from impact_in_pipelines.api.app import ROUTERS
    from impact_in_pipelines.api.openapi.document import document

    app = FastAPI(title="Impact-In Pipelines")
    app.router.routes[:] = [route for router in ROUTERS for route in router.routes]
    return json.dumps(document(app), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) if sys.argv[1:] else FILE).write_text(text(), "utf-8")
