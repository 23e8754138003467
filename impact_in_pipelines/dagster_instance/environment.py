"""Where the Dagster instance lives: its folder (`dagster.yaml`) and its database."""

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from impact_in_pipelines.db.embedded.cluster import require_cluster
from impact_in_pipelines.db.engine import dagster_url
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.settings import Settings

INSTALLED = Path("share/impact-in")
"""Where a wheel puts `dagster.yaml` and `workspace.yaml`, below the environment that it is installed in."""


def dagster_yaml() -> Path:
    """The instance's configuration: of the present folder, of the checkout, or as it was installed.

    Raises `UsageError` where there is none.
    """
    return _first(root / "dagster.yaml" for root in (*_roots(), _installed()))


def workspace_yaml() -> Path:
    """Where the web server and the daemon find the code server, in the same places as `dagster_yaml`.

    Raises `UsageError` where there is none.
    """
    folders = (*(root / "deploy" for root in _roots()), _installed())
    return _first(folder / "workspace.yaml" for folder in folders)


def _roots() -> tuple[Path, Path]:
    return Path.cwd(), Path(__file__).resolve().parents[2]


def _installed() -> Path:
    return Path(sys.prefix) / INSTALLED


def _first(candidates: Iterable[Path]) -> Path:
    for path in candidates:
        if path.is_file():
            return path
    raise UsageError(
        f"there is no {path.name} in {Path.cwd()}; go to the project's folder or set DAGSTER_HOME"
    )


def dagster_environment(settings: Settings) -> dict[str, str]:
    """The variables that every Dagster process needs: DAGSTER_HOME and DAGSTER_POSTGRES_URL.

    What the environment already names is kept. Starts the embedded database if it isn't running. Raises
    `DatabaseUnavailable`, also where there is none, and `UsageError` for a DAGSTER_HOME that is none.
    """
    if not os.environ.get("DAGSTER_POSTGRES_URL"):
        require_cluster(settings)
    home = os.environ.get("DAGSTER_HOME") or str(_dagster_home(settings))
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


def _dagster_home(settings: Settings) -> Path:
    """A folder of Dagster's own with the configuration in it: `.dagster/` in the project, `dagster/` in
    `IMPACT_IN_HOME` for a program that was installed. Dagster litters its home with folders, and they belong
    neither beside the code nor where the program is installed."""
    source = dagster_yaml()
    installed = source.parent == _installed()
    home = settings.home.absolute() / "dagster" if installed else source.parent / ".dagster"
    home.mkdir(parents=True, exist_ok=True)
    target = home / "dagster.yaml"
    if not target.exists() or target.read_bytes() != source.read_bytes():
        fresh = home / f"dagster.yaml.{os.getpid()}"
        shutil.copyfile(source, fresh)
        fresh.replace(target)
    return home
