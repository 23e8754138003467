"""Values of the Helm chart that are odd, and that somebody gives some day."""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from helm_python.errors import HelmError
from tools import deploying
from tools.deploying import FULL, rendered

from .test_chart import dagster_yaml, pods


@pytest.mark.parametrize(
    "name",
    ["IMPACT_IN_ARCHIVE", "IMPACT_IN_HOME", "DAGSTER_HOME", "COCKPIT_URL", "DRAINS_PER_PLATFORM"],
)
def test_what_has_a_value_of_its_own_is_no_setting_beside_it(name: str) -> None:
    """An archive that no claim holds lies in a run's pod, and what retention archives there would be gone
    with it; the others would stand twice."""
    with pytest.raises(HelmError):
        rendered({"env": {name: "/var/lib/impact-in/archive"}})


def test_another_web_server_is_asked_for_drains_where_it_is_named() -> None:
    """Dagster's own chart runs it: then there is no Service of ours."""
    values = {"dagster": {"enabled": False}, "env": {"DAGSTER_INTERNAL_URL": "http://dagster:80"}}
    (settings,) = [
        one["data"]
        for one in rendered(values)
        if one["kind"] == "ConfigMap" and one["metadata"]["name"].endswith("-settings")
    ]
    assert settings["DAGSTER_INTERNAL_URL"] == "http://dagster:80"


@pytest.mark.parametrize("whom", ["apiFrom", "metricsFrom", "webFrom", "all"])
def test_nobody_who_may_come_is_nobody(whom: str) -> None:
    """To Kubernetes an empty list means everybody; and what was rendered was no YAML."""
    names = ("apiFrom", "metricsFrom", "webFrom")
    values: Mapping[str, Any] = {
        "networkPolicy": {name: [] for name in names if whom in (name, "all")}
    }
    for policy in (one for one in rendered(values) if one["kind"] == "NetworkPolicy"):
        assert list(deploying.schema_faults(policy)) == []
        for rule in policy["spec"].get("ingress", []):
            assert rule["from"], policy["metadata"]["name"]


def test_large_numbers_long_names_and_digests_are_what_kubernetes_takes() -> None:
    """A million seconds was `1e+06`, a digest no label, and a release's name too long for a Service."""
    drains = {**FULL["drains"], "keepSeconds": 1_000_000, "resources": pods_resources()}
    job = dagster_yaml({"drains": drains})["run_launcher"]["config"]["run_k8s_config"]
    assert job["job_spec_config"]["ttl_seconds_after_finished"] == 1_000_000
    pinned = rendered({"image": {"repository": "r", "tag": f"1.2.3@sha256:{'a' * 64}"}})
    labels = {one["metadata"]["labels"]["app.kubernetes.io/version"] for one in pinned}
    assert labels == {"1.2.3"}
    for release in ("r" * 53, "impact-in-" + "r" * 43):
        names = [one["metadata"]["name"] for one in rendered({}, release=release)]
        assert max(map(len, names)) <= 63
        assert len(set(names)) > 10


def pods_resources() -> Mapping[str, Any]:
    """What a run's pod asks for by default."""
    values = yaml.safe_load((deploying.CHART / "values.yaml").read_text("utf-8"))
    found: Mapping[str, Any] = values["drains"]["resources"]
    return found


def test_whoever_archives_exports_or_erases_has_the_archive() -> None:
    """Runs write it; the API's pods and container export from it and erase in it."""
    claim = {"persistentVolumeClaim": {"claimName": "impact-in-archive"}, "name": "archive"}
    mount = {"name": "archive", "mountPath": "/var/lib/impact-in-archive"}
    api = pods("full")["api"]
    assert claim in api["volumes"]
    assert mount in api["containers"][0]["volumeMounts"]
    run = dagster_yaml(FULL)["run_launcher"]["config"]["run_k8s_config"]
    assert any(one["name"] == "archive" for one in run["pod_spec_config"]["volumes"])
    services = deploying.compose()["services"]
    assert services["api"]["environment"]["IMPACT_IN_ARCHIVE"].startswith("/var/lib/impact-in/")
    assert services["api"]["volumes"] == services["code"]["volumes"] == ["state:/var/lib/impact-in"]
