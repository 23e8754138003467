"""Pictures of Dagster's own pages of a running `impact-in dev`, for whoever judges how we read there:

    cd tests && python -m acceptance.cockpit.dagster_pictures http://127.0.0.1:3000 FOLDER PATH=NAME …

PATH is the page's path and query, NAME the picture's: `assets/benevity_export?view=checks=export-checks`.
docs/images/dagster-partitions.png is harbor-mutual's yesterday in the demo's world:
`assets/benevity_export?view=partitions&partition=COMPANY%7CDAY`; dagster-cell.png is a delivered day's
panel there, dagster-held.png `?view=events` after a day of a connection that `impact-in platforms hold` holds
was materialised.
"""

import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright

from .browser import launched

SIZE: ViewportSize = {"width": 1360, "height": 820}
_SETTLES_MS = 6_000
"""The UI fills its pages by query after query, and says nowhere that it is done."""


def keep(page: Page, file: Path) -> None:
    """Save what the page shows, in as few colours as it needs."""
    taken = Image.open(BytesIO(page.screenshot())).convert("RGB")
    small = taken.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small.save(file, optimize=True)


def main(address: str, folder: str, *wanted: str) -> None:
    """Take each of the `wanted`."""
    with sync_playwright() as playwright:
        browser = launched(playwright)
        page = browser.new_page(viewport=SIZE)
        for one in wanted:
            path, _, name = one.rpartition("=")
            page.goto(f"{address}/{path}")
            page.wait_for_timeout(_SETTLES_MS)
            keep(page, Path(folder) / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
