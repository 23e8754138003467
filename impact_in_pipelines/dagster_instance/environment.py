"""Where the Dagster instance lives: its folder (`dagster.yaml`) and its database."""

import os
from pathlib import Path

from impact_in_pipelines.db.embedded.cluster import require_cluster
from impact_in_pipelines.db.engine import dagster_url
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.settings import Settings


def project_root() -> Path:
    """The folder with `dagster.yaml` and `workspace.yaml`: the current one, or the checkout's.

    Raises `UsageError` where neither has them.
    """
    for folder in (Path.cwd(), Path(__file__).resolve().parents[2]):
        if (folder / "dagster.yaml").is_file():
            return folder
    raise UsageError(
        f"there is no dagster.yaml in {Path.cwd()}; go to the project's folder or set DAGSTER_HOME"
    )


def dagster_environment(settings: Settings) -> dict[str, str]:
    """The variables that every Dagster process needs: DAGSTER_HOME and DAGSTER_POSTGRES_URL.

    What the environment already names is kept. Starts the embedded database if it isn't running. Raises
    `DatabaseUnavailable`, also where there is none, and `UsageError` for a DAGSTER_HOME that is none.
    """
    if not os.environ.get("DAGSTER_POSTGRES_URL"):
        require_cluster(settings)
    home = os.environ.get("DAGSTER_HOME") or str(_dagster_home(project_root()))
    if not (Path(home).is_absolute() and (Path(home) / "dagster.yaml").is_file()):
        raise UsageError(
            f"DAGSTER_HOME must be the absolute path of a folder with a dagster.yaml; it was {home!r}"
        )
    url = os.environ.get("DAGSTER_POSTGRES_URL") or dagster_url(settings).render_as_string(
        hide_password=False
    )
    return {
        "DAGSTER_HOME": home,
        "DAGSTER_POSTGRES_URL": url,
        "IMPACT_IN_HOME": str(settings.home.absolute()),
    }


def _dagster_home(root: Path) -> Path:
    """`.dagster/` in the project, with the instance's configuration: Dagster litters its home with folders
    of its own, and they don't belong beside the code."""
    home = root / ".dagster"
    home.mkdir(exist_ok=True)
    text = (root / "dagster.yaml").read_text("utf-8")
    # A relative folder would be looked for from wherever a process was started.
    text = text.replace("base_dir: .dagster", f"base_dir: {home}")
    target = home / "dagster.yaml"
    if not target.exists() or target.read_text("utf-8") != text:
        fresh = home / f"dagster.yaml.{os.getpid()}"
        fresh.write_text(text, "utf-8")
        fresh.replace(target)
    return home
