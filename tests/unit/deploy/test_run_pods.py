"""`dagster.yaml` for Kubernetes, loaded with the launcher installed, and the Job that it makes of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import DagsterRun
from dagster._core.instance.ref import InstanceRef
from dagster_k8s import K8sRunLauncher
from dagster_k8s.job import construct_dagster_k8s_job
from kubernetes.client import ApiClient
from tools.deploying import FULL, NAMESPACE, rendered, schema_faults

from impact_in_pipelines.dagster_instance.queueing import SharingCoordinator

from .test_chart import component, dagster_yaml

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "nowhere",
    "clusters": [{"name": "nowhere", "cluster": {"server": "https://127.0.0.1:9"}}],
    "users": [{"name": "nobody", "user": {"token": "none"}}],
    "contexts": [{"name": "nowhere", "context": {"cluster": "nowhere", "user": "nobody"}}],
}


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstanceRef:
    """The chart's instance; outside a cluster the launcher wants a file that names one."""
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "postgresql+psycopg2://someone@127.0.0.1:9/dagster")
    found = dagster_yaml(FULL)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(KUBECONFIG))
    found["run_launcher"]["config"] |= {
        "load_incluster_config": False,
        "kubeconfig_file": str(kubeconfig),
    }
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(found))
    return InstanceRef.from_dir(str(tmp_path))


def job_of(instance: InstanceRef) -> dict[str, Any]:
    """The Job of a run, as it is sent to Kubernetes."""
    launcher = instance.run_launcher
    assert isinstance(launcher, K8sRunLauncher)
    run = DagsterRun(job_name="drain_benevity")
    context = launcher.get_container_context_for_run(run)
    job = construct_dagster_k8s_job(
        job_config=context.get_k8s_job_config(job_image=None, run_launcher=launcher),
        args=["dagster", "api", "execute_run", "…"],
        job_name=f"dagster-run-{run.run_id}",
        component="run_worker",
        user_defined_k8s_config=context.run_k8s_config,
        labels={"dagster/run-id": run.run_id},
    )
    sent: dict[str, Any] = ApiClient().sanitize_for_serialization(job)
    return sent


def test_the_instance_loads_with_our_queue_and_dagsters_launcher(instance: InstanceRef) -> None:
    """Dagster checks every key of both."""
    assert isinstance(instance.run_coordinator, SharingCoordinator)
    assert isinstance(instance.run_launcher, K8sRunLauncher)
    assert instance.run_launcher.job_namespace == NAMESPACE


def test_a_runs_pod_holds_before_kubernetes_and_has_the_rights_of_the_others(
    instance: InstanceRef,
) -> None:
    """Kubernetes' schemas, nobody's root, no token, the image and secrets of the code server, and the labels
    by which network policies know it."""
    job = job_of(instance)
    pod = job["spec"]["template"]
    (container,) = pod["spec"]["containers"]

    assert list(schema_faults(job)) == []
    assert component("run").items() <= pod["metadata"]["labels"].items()
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert pod["spec"]["terminationGracePeriodSeconds"] == 90
    assert pod["spec"]["nodeSelector"] == FULL["drains"]["nodeSelector"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["image"] == "impact-in-pipelines:1.2.3"
    assert container["resources"]["requests"] == {"cpu": "1", "memory": "512Mi"}
    secrets = [one["secretRef"]["name"] for one in container["envFrom"] if "secretRef" in one]
    assert secrets == FULL["secrets"]
    assert job["spec"]["backoffLimit"] == 0


def test_a_runs_pod_finds_the_instance_where_it_may_write(instance: InstanceRef) -> None:
    """DAGSTER_HOME is a mount of the pod's own, with the configuration mounted into it."""
    (container,) = job_of(instance)["spec"]["template"]["spec"]["containers"]
    home = {one["name"]: one["value"] for one in container["env"] if "value" in one}["DAGSTER_HOME"]
    mounts = {one["mountPath"]: one for one in container["volumeMounts"]}

    assert mounts[home]["name"] == "state"
    assert mounts[f"{home}/dagster.yaml"]["subPath"] == "dagster.yaml"


def test_a_run_writes_the_archive_where_it_outlives_the_pod() -> None:
    """Retention removes what it has archived: in a pod's own folder it would be gone with the pod."""
    config = dagster_yaml(FULL)["run_launcher"]["config"]["run_k8s_config"]
    (mount,) = [
        one for one in config["container_config"]["volume_mounts"] if one["name"] == "archive"
    ]
    (volume,) = [one for one in config["pod_spec_config"]["volumes"] if one["name"] == "archive"]
    assert volume["persistent_volume_claim"] == {"claim_name": "impact-in-archive"}

    def archive_of(values: Mapping[str, Any]) -> str | None:
        (settings,) = [
            one["data"]
            for one in rendered(values)
            if one["kind"] == "ConfigMap" and one["metadata"]["name"].endswith("-settings")
        ]
        found: str | None = settings.get("IMPACT_IN_ARCHIVE")
        return found

    assert archive_of(FULL) == mount["mount_path"]
    # Without a claim nothing is named, and what would be archived stays.
    assert archive_of({}) is None
