"""deploy/kubernetes/gateway and deploy/envoy: what they say of the gateway is so."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tfsocial.serving.gateway import run, settings
from tfsocial.serving.gateway.watch.gauges import GAUGES
from tfsocial.serving.gateway.watch.metrics import Metrics

ROOT = Path(__file__).parents[4]
DEPLOY = ROOT / "deploy"
GATEWAY = DEPLOY / "kubernetes" / "gateway"
ENVIRONMENT = ROOT / ".venv-deploy"


def read(path: str) -> dict:
    return yaml.safe_load((GATEWAY / path).read_text("utf-8"))


@pytest.fixture(scope="module")
def pod() -> dict:
    return read("base/deployment.yaml")["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def configured() -> settings.Settings:
    return settings.read(GATEWAY / "base" / "gateway.yaml")


@pytest.fixture(scope="module")
def simulated():
    """benchmarks/elastic.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("elastic", ROOT / "benchmarks" / "elastic.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def metrics_named(text: str) -> set[str]:
    return set(re.findall(r"\btfsocial_\w+", text))


# --- Kubernetes ------------------------------------------------------------------------------


def test_a_pod_has_time_to_end_what_it_took(pod, configured):
    assert configured.load.drain >= 10
    assert pod["terminationGracePeriodSeconds"] > configured.load.drain + run.GRACE


def test_probes_and_ports_are_the_gateway_s(pod, configured):
    (container,) = pod["containers"]
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert ports == {"http": configured.listen.port, "operators": configured.listen.admin_port}
    for probe, path in (("startup", "/readyz"), ("readiness", "/readyz"), ("liveness", "/livez")):
        asked = container[f"{probe}Probe"]["httpGet"]
        assert asked == {"path": path, "port": "operators"}
    assert {configured.listen.host, configured.listen.admin_host} == {"0.0.0.0"}


def test_a_pod_writes_nowhere_but_to_its_scratch(pod, configured):
    (container,) = pod["containers"]
    mounts = {one["mountPath"]: one.get("readOnly", False) for one in container["volumeMounts"]}
    assert [path for path, read_only in mounts.items() if not read_only] == ["/tmp"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert configured.audit_folder is None
    assert configured.drift.windows.is_relative_to("/tmp")
    for path in (configured.access.keys, configured.access.secret):
        assert path.parent == Path("/secrets")


def test_the_operators_port_is_open_for_prometheus_alone():
    callers, operators = read("base/network.yaml")["spec"]["ingress"]
    assert callers == {"ports": [{"port": "http"}]}
    assert operators["ports"] == [{"port": "operators"}]
    (source,) = operators["from"]
    assert source["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "prometheus"}
    services = yaml.safe_load_all((GATEWAY / "base" / "service.yaml").read_text("utf-8"))
    assert all(port["targetPort"] == "http" for one in services for port in one["spec"]["ports"])


def test_it_scales_by_its_own_metrics_as_simulated(simulated):
    spec = read("base/scaling.yaml")["spec"]
    targets = {
        one["pods"]["metric"]["name"].removeprefix("tfsocial_"): float(
            one["pods"]["target"]["averageValue"]
        )
        for one in spec["metrics"]
    }
    assert {one["type"] for one in spec["metrics"]} == {"Pods"}  # of none the CPU
    assert targets == simulated.HPA
    behavior = simulated.BEHAVIOR
    assert (spec["minReplicas"], spec["maxReplicas"]) == (behavior.least, behavior.most)
    for name, rules in (("scaleUp", behavior.up), ("scaleDown", behavior.down)):
        said = spec["behavior"][name]
        assert said["stabilizationWindowSeconds"] == rules.window
        policies = [
            {"type": one.kind.title(), "value": one.value, "periodSeconds": one.period}
            for one in rules.policies
        ]
        assert said["policies"] == policies


def test_keda_does_the_same(simulated):
    autoscaler = read("base/scaling.yaml")["spec"]
    spec = read("overlays/keda/scaled_object.yaml")["spec"]
    bounds = [autoscaler["minReplicas"], autoscaler["maxReplicas"]]
    assert [spec["minReplicaCount"], spec["maxReplicaCount"]] == bounds
    assert spec["scaleTargetRef"] == autoscaler["scaleTargetRef"]
    advanced = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert advanced == autoscaler["behavior"]
    (trigger,) = spec["triggers"]
    assert float(trigger["metadata"]["threshold"]) == simulated.KEDA["tokens"]


def test_metrics_that_are_named_are_exposed():
    """In the autoscaler, the adapter's rules, KEDA's query and the alerts."""
    exposed = metrics_named(Metrics().exposed().decode()) | {f"tfsocial_{one}" for one in GAUGES}
    for path in GATEWAY.rglob("*.yaml"):
        named = metrics_named(path.read_text("utf-8"))
        assert named <= exposed, (path, named - exposed)
    adapter = (GATEWAY / "prometheus-adapter.yaml").read_text("utf-8")
    autoscaler = (GATEWAY / "base" / "scaling.yaml").read_text("utf-8")
    assert metrics_named(adapter) == metrics_named(autoscaler)


def test_one_request_in_ten_goes_to_the_canary():
    (rule,) = read("overlays/route/route.yaml")["spec"]["rules"]
    assert [one["weight"] for one in rule["backendRefs"]] == [90, 10]
    (mirror,) = [one for one in rule["filters"] if one["type"] == "RequestMirror"]
    assert mirror["requestMirror"]["percent"] == 10


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs promtool; install/test_services.sh installs it"
)
def test_alerts_and_keda_s_query_see_the_stable_pods(tmp_path):
    """By promtool. Two stable pods with 1,000 and no tokens that wait, and a canary with many."""
    rules = read("overlays/monitoring/rules.yaml")["spec"]
    (trigger,) = read("overlays/keda/scaled_object.yaml")["spec"]["triggers"]
    autoscaler = '{namespace="a", horizontalpodautoscaler="keda-hpa-gateway"}'
    series = {
        'tfsocial_waiting_tokens{pod="gateway-7d9fb4c6d8-x2x4z", model="tickets"}': 1000,
        'tfsocial_waiting_tokens{pod="gateway-7d9fb4c6d8-b7k9q", model="tickets"}': 0,
        'tfsocial_waiting_tokens{pod="gateway-canary-5c8d7f9b6-m2n4p", model="tickets"}': 90000,
        'tfsocial_busy_tokens{pod="gateway-7d9fb4c6d8-x2x4z", model="tickets"}': 24,
        f"kube_horizontalpodautoscaler_status_current_replicas{autoscaler}": 12,
        f"kube_horizontalpodautoscaler_spec_max_replicas{autoscaler}": 12,
        f"kube_horizontalpodautoscaler_status_desired_replicas{autoscaler}": 12,
    }
    query = {"expr": trigger["metadata"]["query"], "eval_time": "5m"}
    names = {"namespace": "a", "horizontalpodautoscaler": "keda-hpa-gateway"}
    fires = [
        {
            "alertname": one["alert"],
            "eval_time": "15m",
            "exp_alerts": [{"exp_labels": labels, "exp_annotations": one["annotations"]}],
        }
        for one, labels in zip(
            rules["groups"][0]["rules"],
            [{"severity": "warning", **names}, {"severity": "warning"}],
            strict=True,
        )
    ]
    test = {
        "rule_files": ["rules.yaml"],
        "tests": [
            {
                "interval": "15s",
                "input_series": [
                    {"series": name, "values": f"{value}x80"} for name, value in series.items()
                ],
                "alert_rule_test": fires,
                "promql_expr_test": [{**query, "exp_samples": [{"labels": "{}", "value": 1024}]}],
            }
        ],
    }
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(test))
    command = ["promtool", "test", "rules", "test.yaml"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


# --- Envoy -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def envoy() -> dict:
    return yaml.safe_load((DEPLOY / "envoy" / "envoy.yaml").read_text("utf-8"))["static_resources"]


def test_envoy_asks_the_gateways_ports_and_waits_longer_than_they_do(envoy, configured):
    for cluster in envoy["clusters"]:
        (group,) = cluster["load_assignment"]["endpoints"]
        (one,) = group["lb_endpoints"]
        assert one["endpoint"]["address"]["socket_address"]["port_value"] == configured.listen.port
        health = one["endpoint"]["health_check_config"]["port_value"]
        assert health == configured.listen.admin_port
        (check,) = cluster["health_checks"]
        assert check["http_health_check"]["path"] == "/readyz"
    route = route_of(envoy)
    assert float(route["timeout"].rstrip("s")) > configured.load.seconds
    weights = {one["name"]: one["weight"] for one in route["weighted_clusters"]["clusters"]}
    assert weights == {"stable": 90, "canary": 10}


def test_envoy_takes_no_gateway_away_for_being_busy(envoy):
    """Its 503s are answers: no ejection by them, and no second try."""
    for cluster in envoy["clusters"]:
        outliers = cluster["outlier_detection"]
        assert outliers["enforcing_consecutive_5xx"] == 0
        assert outliers["enforcing_consecutive_gateway_failure"] == 0
    tries = set(route_of(envoy)["retry_policy"]["retry_on"].split(","))
    assert tries == {"connect-failure", "refused-stream", "reset"}


def route_of(envoy: dict) -> dict:
    (listener,) = envoy["listeners"]
    ((manager,),) = [chain["filters"] for chain in listener["filter_chains"]]
    (host,) = manager["typed_config"]["route_config"]["virtual_hosts"]
    (route,) = host["routes"]
    return route["route"]


# --- the check itself ------------------------------------------------------------------------

PLANTED = [
    ("gateway/base/scaling.yaml", "averageValue", "averageVolume", "averageVolume"),
    ("gateway/base/deployment.yaml", "failureThreshold: 90", "failureThreshold: many", "many"),
    ("gateway/overlays/keda/scaled_object.yaml", "minReplicaCount", "minReplicas", "minReplicas"),
    ("gateway/overlays/route/route.yaml", "weight: 90", "wieght: 90", "wieght"),
    ("gateway/overlays/monitoring/rules.yaml", "for: 10m", "for: ten", "rules/0/for"),
    ("../envoy/envoy.yaml", "retry_budget", "retry_buget", "retry_buget"),
]


@pytest.mark.long
@pytest.mark.skipif(
    not (ENVIRONMENT / "crds" / "node_modules").exists() or not shutil.which("kubectl"),
    reason="there is no .venv-deploy with Node.js' packages, or no kubectl; make deploy-check",
)
@pytest.mark.parametrize(("file", "old", "new", "said"), PLANTED)
def test_a_typo_is_refused(tmp_path, file, old, new, said):
    """In a copy with that folder and the base alone."""
    copy = shutil.copytree(DEPLOY, tmp_path / "deploy")
    path = (copy / "kubernetes" / file).resolve()
    for folder in (copy / "kubernetes").rglob("kustomization.yaml"):
        if folder.parent.name != "base" and folder.parent != path.parent:
            (folder.parent / "kustomization.yaml").unlink()
    shutil.rmtree(copy / "kubernetes" / "base")
    if "route" in file:  # it stands on the canary, too
        canary = "kubernetes/gateway/overlays/canary/kustomization.yaml"
        shutil.copy(DEPLOY / canary, copy / canary)
    text = path.read_text("utf-8")
    assert old in text
    command = [copy / "check.sh", ENVIRONMENT / "bin" / "python"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    path.write_text(text.replace(old, new), "utf-8")
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert said in run.stdout + run.stderr
