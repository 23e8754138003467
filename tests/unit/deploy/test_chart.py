"""The Helm chart, rendered by Helm: what each pod may do, what it is given, that its parts fit together."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_python.errors import HelmError
from tools import deploying
from tools.deploying import ALONE, FULL, RELEASE, ROOT, Manifest, rendered

VALUES: Mapping[str, Mapping[str, Any]] = {"defaults": {}, "full": FULL, "alone": ALONE}
NOT_IN_PODS = ("compute_logs", "run_launcher")


@cache
def chart(name: str) -> tuple[Manifest, ...]:
    """The manifests for the values of that name."""
    return tuple(rendered(VALUES[name]))


def of_kind(kind: str, name: str = "defaults") -> list[Manifest]:
    return [one for one in chart(name) if one["kind"] == kind]


def pods(name: str = "defaults") -> dict[str, Manifest]:
    """Component and pod specification of everything that starts pods."""
    workloads = of_kind("Deployment", name) + of_kind("Job", name)
    return {
        one["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]: one["spec"][
            "template"
        ]["spec"]
        for one in workloads
    }


def component(name: str) -> Manifest:
    """The labels of a component's pods."""
    return {
        "app.kubernetes.io/name": "impact-in",
        "app.kubernetes.io/instance": RELEASE,
        "app.kubernetes.io/component": name,
    }


def dagster_yaml(values: Mapping[str, Any]) -> Manifest:
    """The instance's configuration in the chart."""
    (found,) = [
        one["data"]["dagster.yaml"]
        for one in rendered(values)
        if one["kind"] == "ConfigMap" and one["metadata"]["name"].endswith("-instance")
    ]
    parsed: Manifest = yaml.safe_load(found)
    return parsed


def selected(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a pod selector takes a pod with these labels."""
    for one in selector.get("matchExpressions", []):
        assert one["operator"] == "In"
        if labels.get(one["key"]) not in one["values"]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def test_nothing_in_deploy_is_refused_by_its_own_tools() -> None:
    """Helm's lint, Kubernetes' and compose's schemas, hadolint, systemd-analyze: what make check runs."""
    assert list(deploying.findings()) == []


def test_the_schemas_find_what_is_not_there() -> None:
    """A check that lets everything pass would be worse than none: `readinesProbe` was one letter short."""
    deployment = of_kind("Deployment")[0]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    wrong = {**container, "readinesProbe": {"httpGet": {"port": 1}}}
    spec = {**deployment["spec"]["template"]["spec"], "containers": [wrong]}
    template = {**deployment["spec"]["template"], "spec": spec}
    broken = {**deployment, "spec": {**deployment["spec"], "template": template}}

    assert list(deploying.schema_faults(deployment)) == []
    assert "readinesProbe" in next(iter(deploying.schema_faults(broken)))


@pytest.mark.parametrize("values", VALUES)
def test_no_pod_is_root_or_writes_to_its_root_or_may_ask_for_more(values: str) -> None:
    """As the namespace's strictest standard (restricted) wants it; only two folders are written to."""
    for name, spec in pods(values).items():
        assert spec["securityContext"]["runAsNonRoot"], name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"], name
            assert not security["allowPrivilegeEscalation"], name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            written = [
                m["mountPath"] for m in container["volumeMounts"] if m["name"] in ("state", "tmp")
            ]
            assert written == ["/var/lib/impact-in", "/tmp"], name


@pytest.mark.parametrize("values", VALUES)
def test_every_pod_says_what_it_needs_and_how_it_is(values: str) -> None:
    """Requests and a limit on memory; started, alive, and ready for what is asked over the network."""
    for name, spec in pods(values).items():
        (container,) = spec["containers"]
        resources = container["resources"]
        assert set(resources["requests"]) == {"cpu", "memory"}, name
        assert "memory" in resources["limits"], name
        if name == "migration":
            continue
        assert {"startupProbe", "livenessProbe"} <= set(container), name
        assert ("readinessProbe" in container) == ("ports" in container), name
        assert spec["terminationGracePeriodSeconds"] == 90, name


def test_secrets_are_named_and_never_written() -> None:
    """The chart makes no Secret; every process has those that the values name, and a setting that is one is
    refused as a plain value."""
    assert of_kind("Secret", "full") == []
    for name, spec in pods("full").items():
        (container,) = spec["containers"]
        given = [one["secretRef"]["name"] for one in container["envFrom"] if "secretRef" in one]
        assert given == FULL["secrets"], name
    for secret in (
        "DATABASE_URL",
        "IMPACT_IN_SECRET_KEY",
        "OIDC_CLIENT_SECRET",
        "BENEVITY_API_KEY",
    ):
        with pytest.raises(HelmError):
            rendered({"env": {secret: "open to everybody"}})


def test_a_moving_tag_is_refused() -> None:
    """Runs would be started from another image than their code server's."""
    with pytest.raises(HelmError):
        rendered({"image": {"repository": "impact-in-pipelines", "tag": "latest"}})


def test_who_asks_kubernetes_is_only_the_daemon_and_the_web_server() -> None:
    """The others have no token at all, runs neither."""
    trusted = {name for name, spec in pods().items() if spec["automountServiceAccountToken"]}
    (role,) = of_kind("Role")

    assert trusted == {"daemon", "web"}
    assert pods()["daemon"]["serviceAccountName"] == role["metadata"]["name"]
    assert not any("*" in rule["verbs"] + rule["resources"] for rule in role["rules"])
    assert not any("secrets" in rule["resources"] for rule in role["rules"])


def test_the_instance_is_the_checkouts_with_runs_as_pods() -> None:
    """Queue, shares, limits and retention are the same wherever it runs: only where runs execute and logs go
    is different."""
    ours = yaml.safe_load((ROOT / "dagster.yaml").read_text("utf-8"))
    pods_of_it = dagster_yaml({})

    same = {key: value for key, value in pods_of_it.items() if key not in NOT_IN_PODS}
    assert same == {key: value for key, value in ours.items() if key not in NOT_IN_PODS}


def test_drains_by_queue_depth_have_slots_for_as_many_as_ticks_may_ask_for() -> None:
    """The daemon, which gives out the slots, reads the number that ticks go by; other runs have theirs."""
    (settings,) = [
        one["data"]
        for one in of_kind("ConfigMap", "full")
        if one["metadata"]["name"].endswith("-settings")
    ]
    (daemon,) = pods("full")["daemon"]["containers"]
    slots = dagster_yaml({"slots": {"days": 5, "backfill": 1, "other": 3}})["run_coordinator"][
        "config"
    ]

    assert settings["DRAINS_PER_PLATFORM"] == "8"
    assert {"configMapRef": {"name": f"{RELEASE}-settings"}} in daemon["envFrom"]
    assert slots["slots"] == {"days": 5, "backfill": 1, "other": 3}


def test_the_database_is_upgraded_before_anything_of_the_new_version_starts() -> None:
    """A hook, with the image and the secrets of the others, and by an account that is there already."""
    (job,) = of_kind("Job")
    hook = job["metadata"]["annotations"]
    spec = job["spec"]["template"]["spec"]

    assert hook["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert spec["containers"][0]["command"] == ["impact-in", "db", "upgrade", "--with-dagster"]
    assert "serviceAccountName" not in spec
    needed = {volume["configMap"]["name"] for volume in spec["volumes"] if "configMap" in volume}
    weights = {
        one["metadata"]["name"]: int(one["metadata"]["annotations"]["helm.sh/hook-weight"])
        for one in of_kind("ConfigMap")
        if "annotations" in one["metadata"]
    }
    assert needed == set(weights)
    assert max(weights.values()) < int(hook["helm.sh/hook-weight"])


def test_services_lead_to_pods_and_what_is_asked_for_is_served() -> None:
    """Names in workspace.yaml and in the settings are those of Services, ports those of containers."""
    services = {one["metadata"]["name"]: one["spec"] for one in of_kind("Service")}
    for name, spec in services.items():
        (labels,) = [
            component(part)
            for part in pods()
            if selected({"matchLabels": spec["selector"]}, component(part))
        ]
        (container,) = pods()[labels["app.kubernetes.io/component"]]["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert all(ports[p["targetPort"]] == p["port"] for p in spec["ports"]), name
    (workspace,) = [
        yaml.safe_load(one["data"]["workspace.yaml"])
        for one in of_kind("ConfigMap")
        if "workspace.yaml" in one.get("data", {})
    ]
    code = workspace["load_from"][0]["grpc_server"]
    assert {p["port"] for p in services[code["host"]]["ports"]} == {code["port"]}
    (settings,) = [
        one["data"] for one in of_kind("ConfigMap") if one["metadata"]["name"].endswith("-settings")
    ]
    found = re.fullmatch(r"http://(.+):(\d+)", settings["DAGSTER_INTERNAL_URL"])
    assert found is not None
    assert {p["port"] for p in services[found[1]]["ports"]} == {int(found[2])}


def _may_reach(source: str, target: str, port: int) -> bool:
    policies = [one["spec"] for one in of_kind("NetworkPolicy")]
    out = any(
        any(
            "podSelector" in to and selected(to["podSelector"], component(target))
            for to in rule["to"]
        )
        and {"protocol": "TCP", "port": port} in rule["ports"]
        for spec in policies
        if selected(spec["podSelector"], component(source))
        for rule in spec.get("egress", [])
    )
    into = any(
        any(
            set(by) == {"podSelector"} and selected(by["podSelector"], component(source))
            for by in rule["from"]
        )
        and {"protocol": "TCP", "port": port} in rule["ports"]
        for spec in policies
        if selected(spec["podSelector"], component(target))
        for rule in spec.get("ingress", [])
    )
    return out and into


def test_who_reaches_whom_is_what_they_need_and_no_more() -> None:
    """From each component to each other's port: the code server executes whatever it is asked, so that nobody
    but the daemon and the web server reach it; runs reach nobody of ours."""
    parts = (*pods(), "run")
    served = {"code": 3998, "web": 3000, "api": 3007}

    found = {
        (source, target)
        for source in parts
        for target, port in served.items()
        if source != target and _may_reach(source, target, port)
    }

    assert found == {("daemon", "code"), ("web", "code"), ("api", "web")}


def test_only_what_sends_or_asks_strangers_reaches_outside() -> None:
    """And nothing of the inside by that way, the cloud's metadata least of all."""
    (outside,) = [
        one["spec"]
        for one in of_kind("NetworkPolicy")
        if one["metadata"]["name"].endswith("-outside")
    ]
    (rule,) = outside["egress"]

    may = {part for part in (*pods(), "run") if selected(outside["podSelector"], component(part))}
    assert may == {"run", "code", "api"}
    assert "169.254.0.0/16" in rule["to"][0]["ipBlock"]["except"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 443}]


def test_budgets_keep_one_of_several_and_hold_no_node_up() -> None:
    """A budget on what there is one of would stop a node from being emptied."""
    budgets = {
        one["metadata"]["name"]: one["spec"] for one in of_kind("PodDisruptionBudget", "full")
    }
    replicas = {
        one["metadata"]["name"]: one["spec"]["replicas"] for one in of_kind("Deployment", "full")
    }

    assert set(budgets) == {name for name, count in replicas.items() if count > 1}
    assert all(spec["maxUnavailable"] == 1 for spec in budgets.values())


def test_probes_of_the_web_server_come_by_a_name_that_its_guard_knows() -> None:
    """The kubelet asks by the pod's address, which the guard refuses: the pod would never be ready."""
    (container,) = pods()["web"]["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        headers = container[probe]["httpGet"]["httpHeaders"]
        assert headers == [{"name": "Host", "value": "localhost"}]


def _processes() -> dict[str, list[str]]:
    """Every command that something in deploy/ starts."""
    units = {
        f"{unit.name}": line.partition("=")[2].split()
        for unit in sorted(deploying.UNITS.glob("*.service"))
        for line in unit.read_text("utf-8").splitlines()
        if line.startswith("ExecStart=")
    }
    services = {
        name: service["command"]
        for name, service in deploying.compose()["services"].items()
        if "command" in service
    }
    pod_commands = {name: spec["containers"][0]["command"] for name, spec in pods("full").items()}
    return {**units, **services, **pod_commands}


def test_dagsters_web_server_is_started_behind_its_guard_everywhere() -> None:
    """Bare, it executes what any web page sends."""
    commands = {
        name: [Path(command[0]).name, *command[1:]] for name, command in _processes().items()
    }

    assert not [name for name, command in commands.items() if "dagster-webserver" in command]
    guarded = [
        name for name, command in commands.items() if command[:2] == ["impact-in", "dagster-ui"]
    ]
    assert sorted(guarded) == ["impact-in-web.service", "web"]
    assert "dagster-webserver" not in (deploying.DEPLOY / "compose.yaml").read_text("utf-8")


def test_compose_gives_every_process_of_ours_no_more_than_it_needs() -> None:
    """Nobody's root, a read-only root, no capability; published on the loopback only; PostgreSQL and the
    daemon reach nothing outside."""
    services = deploying.compose()["services"]
    ours = {name: one for name, one in services.items() if name != "postgres"}

    for name, one in ours.items():
        assert one["read_only"], name
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert one["user"] == "10001:10001", name
        assert all(port.startswith("127.0.0.1:") for port in one.get("ports", [])), name
    assert services["postgres"]["networks"] == services["daemon"]["networks"] == ["inside"]
    assert deploying.compose()["networks"]["inside"] == {"internal": True}


def test_an_image_has_no_entrypoint_no_compiler_and_nobodys_rights() -> None:
    """Dagster starts a run's pod by arguments alone: with an entrypoint it was `impact-in dagster api …`."""
    text = (deploying.DEPLOY / "Dockerfile").read_text("utf-8")
    last = text.rpartition("\nFROM ")[2]

    assert "ENTRYPOINT" not in re.sub(r"^#.*$", "", text, flags=re.M)
    assert "\nUSER 10001:10001\n" in last
    assert "--only-binary :all:" in text
    assert "apt-get" not in text


def test_the_image_is_pinned_to_what_is_tested() -> None:
    """requirements/image.txt is a part of lock.txt, version by version and hash by hash."""

    def pinned(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text("utf-8")
        return set(re.findall(r"^\S+==\S+", text, flags=re.M)) | set(
            re.findall(r"sha256:\w+", text)
        )

    def asked(name: str) -> set[str]:
        lines = (ROOT / "requirements" / name).read_text("utf-8").splitlines()
        return {re.split(r"[\[<>=!~ ]", one)[0] for one in lines if one and one[0] not in "#-"}

    assert pinned("image.txt") < pinned("lock.txt")
    have = {one.partition("==")[0].partition("[")[0] for one in pinned("image.txt")}
    assert asked("runtime.in") | asked("image.in") <= have
