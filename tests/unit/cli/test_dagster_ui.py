"""Under which names Dagster's UI may be asked for."""

from impact_in_pipelines.cli.operating.dagster_ui import allowed_hosts
from impact_in_pipelines.settings import read_settings


def test_people_and_our_own_processes_are_let_in_by_the_names_that_the_settings_give() -> None:
    """People come through a proxy by one name, the API inside the network by another: it was refused when it
    asked for a drain after a replay."""
    settings = read_settings(
        {
            "DAGSTER_UI_URL": "https://dagster.example.org",
            "DAGSTER_INTERNAL_URL": "http://web:3000",
        }
    )

    found = allowed_hosts(settings, ["extra.example.org"])

    assert {"dagster.example.org", "web", "extra.example.org", "127.0.0.1"} <= set(found)
    assert "" not in found
