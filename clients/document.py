"""The API's OpenAPI document, from which the clients are generated, as it stands in the repository.

`python clients/document.py` writes `openapi.json` beside this file anew; a test compares the two.
"""

import json
from pathlib import Path

from fastapi import FastAPI

from impact_in_pipelines.api.app import ROUTERS
from impact_in_pipelines.api.openapi.document import document

FILE = Path(__file__).with_name("openapi.json")


def text() -> str:
    """The document, a line for each value, so that changes can be read."""
    app = FastAPI(title="Impact-In Pipelines")
    app.router.routes[:] = [route for router in ROUTERS for route in router.routes]
    return json.dumps(document(app), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
