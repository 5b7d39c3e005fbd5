"""Alerts, who hears of them, and the dashboard: by the tools of Prometheus, and once for real."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from gateways import Served, start
from monitoring_servers import (
    FOLDER,
    alertmanager,
    alertmanager_config,
    needs,
    prometheus_config,
    running,
    wait_for,
)
from monitoring_servers import pager as paging
from prometheus_client import CollectorRegistry

from tfsocial.serving.gateway.watch.gauges import Gauges
from tfsocial.serving.gateway.watch.metrics import SECONDS, Metrics

ROOT = Path(__file__).resolve().parents[3]
RUNBOOK = ROOT / "docs" / "guides" / "runbook.md"
DRIFT = {"tfsocial_drift_score", "tfsocial_drift_threshold", "tfsocial_expected_accuracy"}
AT_TIMES = {"tfsocial_trial_share", *DRIFT}  # what not every gateway has a number for
SUFFIXES = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_count", "_sum"]}
OF_PROMETHEUS = {"job", "instance", "le", "alertname", "alertstate", "slo"}


@cache
def values(name: str) -> Any:
    """A file of the folder."""
    return yaml.safe_load((FOLDER / name).read_text("utf-8"))


def rules(name: str = "rules.yaml") -> list[dict[str, Any]]:
    return [rule for group in values(name)["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def panels() -> dict[str, list[str]]:
    """Title -> PromQL of each panel that shows something, variables put in."""
    return {
        panel["title"]: [_plain(target["expr"]) for target in panel["targets"]]
        for panel in values("dashboard.json")["panels"]
        if panel["type"] != "row"
    }


def _plain(expr: str) -> str:
    return re.sub(r"\$(job|model)\b", ".*", expr).replace("$__rate_interval", "1m")


def menus() -> list[str]:
    """Selectors of the dashboard's variables: the first argument of label_values."""
    found = values("dashboard.json")["templating"]["list"]
    queries = [one["query"]["query"] for one in found if one["type"] == "query"]
    return [_plain(query.removeprefix("label_values(").rpartition(",")[0]) for query in queries]


def expressions() -> list[str]:
    """All PromQL there is."""
    shown = [expr for several in panels().values() for expr in several]
    return [*(rule["expr"] for rule in rules()), *shown, *menus()]


def run(*command: str | Path) -> str:
    """What a program says, once it has said that all is well."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# --- the files by themselves -----------------------------------------------------------------


@pytest.fixture(scope="module")
def registry() -> CollectorRegistry:
    """All that a gateway tells."""
    metrics = Metrics()
    Gauges(metrics.registry)
    return metrics.registry


def names_of(expr: str) -> set[str]:
    """Names of series in PromQL, recorded ones too."""
    without_strings = re.sub(r'"[^"]*"', '""', expr)
    return set(re.findall(r"\b(?:job\w*:|slo:)?tfsocial[_:][\w:]+", without_strings))


def test_every_name_is_told_by_a_gateway_or_recorded(registry):
    told = {
        family.name + suffix for family in registry.collect() for suffix in SUFFIXES[family.type]
    }
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    used = set().union(*map(names_of, expressions()))
    assert used <= told | recorded
    assert recorded <= used, "nothing reads it"


def test_every_label_is_one_of_its_series(registry):
    """A label that a series lacks matches nothing, and no tool says so."""
    for collector in registry._collector_to_names:
        labels = {*collector._labelnames, *OF_PROMETHEUS}
        name = re.compile(rf"\b{collector.describe()[0].name}(?:_[a-z]+)?{{([^}}]*)}}")
        for expr in expressions():
            for selected in name.findall(re.sub(r'"[^"]*"', '""', expr)):
                assert set(re.findall(r"(\w+)[=!]", selected)) <= labels, expr


def test_the_objective_of_latency_is_a_bucket():
    bounds = {found for rule in rules() for found in re.findall(r'le="([^"]+)"', rule["expr"])}
    assert len(bounds) == 1
    assert float(*bounds) in SECONDS


def test_every_alert_has_a_severity_a_summary_and_a_page_in_the_runbook():
    headings = re.findall(r"^## (Tfsocial\w+)$", RUNBOOK.read_text("utf-8"), re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert set(headings) == {alert["alert"] for alert in alerts()}
    for alert in alerts():
        assert alert["labels"]["severity"] in ("page", "ticket")
        assert alert["annotations"]["summary"]
        anchor = f"docs/guides/runbook.md#{alert['alert'].lower()}"
        assert alert["annotations"]["runbook_url"] == anchor


def test_every_alert_is_tested_firing_and_silent():
    tried = [one for test in values("rules_test.yaml")["tests"] for one in _tried(test)]
    for outcome in (True, False):
        assert {name for name, fires in tried if fires is outcome} == {
            alert["alert"] for alert in alerts()
        }


def _tried(test: dict[str, Any]) -> list[tuple[str, bool]]:
    return [(one["alertname"], "exp_alerts" in one) for one in test.get("alert_rule_test", ())]


def test_panels_lie_beside_each_other_and_ask_the_chosen_source():
    board = values("dashboard.json")
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        columns = range(place["x"], place["x"] + place["w"])
        cells = {(x, y) for x in columns for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["type"] == "row" or panel["datasource"]["uid"] == "${datasource}"
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


# --- by the tools ----------------------------------------------------------------------------


@needs("promtool")
def test_prometheus_reads_its_config_and_rules():
    said = run("promtool", "check", "config", FOLDER / "prometheus.yaml")
    for name in values("prometheus.yaml")["rule_files"]:
        assert f"{len(rules(name))} rules found" in said


@needs("promtool")
def test_alerts_fire_when_they_should():
    assert "SUCCESS" in run("promtool", "test", "rules", FOLDER / "rules_test.yaml")


@needs("promtool")
def test_every_panel_is_promql(tmp_path):
    """As rules, since promtool reads no expression alone."""
    several = [{"record": "a_panel", "expr": expr} for expr in expressions()]
    for place, rule in enumerate(several):  # two rules must not be the same one
        rule["labels"] = {"place": str(place)}
    path = tmp_path / "panels.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": several}]}), "utf-8")
    assert f"{len(several)} rules found" in run("promtool", "check", "rules", path)


@needs("amtool")
def test_alertmanager_reads_its_config_and_sends_each_alert_where_it_should(tmp_path):
    path = alertmanager_config(tmp_path, "http://127.0.0.1:1")
    assert "SUCCESS" in run("amtool", "check-config", path)
    version = re.search(r"version (\d+)\.(\d+)", run("amtool", "--version"))
    if tuple(map(int, version.groups())) >= (0, 26):
        assert "SUCCESS" in run("amtool", "check-config", FOLDER / "alertmanager.yaml")
    for severity, receiver in (("page", "page"), ("ticket", "ticket"), ("", "ticket")):
        labels = ("job=tfsocial-gateway", "alertname=TfsocialDrift", f"severity={severity}")
        check = ("amtool", "config", "routes", "test", f"--verify.receivers={receiver}")
        run(*check, f"--config.file={path}", *labels)


# --- real ones -------------------------------------------------------------------------------


def _alert(name: str, severity: str, job: str, **labels: str) -> dict[str, str]:
    return {"alertname": f"Tfsocial{name}", "severity": severity, "job": job, **labels}


TOLD = [
    _alert("GatewayGone", "page", "a"),
    _alert("ModelDown", "page", "b", model="m"),
    _alert("QueueWaits", "ticket", "b", model="another"),
    _alert("Drift", "ticket", "b", model="m"),
    _alert("ErrorBudgetBurn", "page", "c", slo="latency"),
    _alert("ErrorBudgetBurn", "ticket", "c", slo="availability"),
    _alert("ModelStuck", "page", "d", model="m"),
]
SILENT = [  # each for one of those above
    _alert("GatewayInstanceDown", "ticket", "a"),
    _alert("ErrorBudgetBurn", "page", "a", slo="latency"),
    _alert("ErrorBudgetBurn", "page", "b", slo="latency"),
    _alert("RefusedShare", "ticket", "b", kind="deadline"),
    _alert("QueueWaits", "ticket", "b", model="m"),
    _alert("ErrorBudgetBurn", "ticket", "c", slo="latency"),
    _alert("ModelUnstable", "ticket", "d", model="m"),
]


def states(address: str) -> dict[str, list[str]]:
    """State -> alerts that Alertmanager has in it."""
    found: dict[str, list] = {"active": [], "suppressed": [], "unprocessed": []}
    for alert in httpx.get(f"{address}/api/v2/alerts").json():
        found[alert["status"]["state"]].append(alert["labels"])
    return {state: in_order(several) for state, several in found.items()}


def in_order(several: list[dict[str, str]]) -> list[str]:
    return sorted(json.dumps(labels, sort_keys=True) for labels in several)


@needs("prometheus-alertmanager")
def test_symptoms_are_silent_while_their_cause_is_told(tmp_path):
    with alertmanager(tmp_path, "http://127.0.0.1:1") as address:
        posted = [{"labels": labels} for labels in (*TOLD, *SILENT)]
        httpx.post(f"{address}/api/v2/alerts", json=posted).raise_for_status()
        wait_for(lambda: states(address)["suppressed"] == in_order(SILENT), 20)
        assert states(address)["active"] == in_order(TOLD)


@contextlib.contextmanager
def broken(served: Served) -> Iterator[None]:
    """A model whose processes are killed whenever there are some, while somebody asks."""
    over = threading.Event()

    def breaks() -> None:
        while not over.wait(0.1):
            for pid in _workers(served):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            ask(served, "it is late", {"Request-Timeout": "0.2"})

    thread = threading.Thread(target=breaks)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _workers(served: Served) -> list[int]:
    command = ["pgrep", "-P", str(served.process.pid), "-f", "tfsocial.serving.worker"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return [int(word) for word in said.split()]


def ask(served: Served, text: str, headers: dict[str, str]) -> int:
    url, body = f"{served.http}/v1/classify", {"texts": [text]}
    headers = {**served.headers, **headers}
    return httpx.post(url, json=body, headers=headers, timeout=60).status_code


@pytest.fixture
def pager() -> Iterator[tuple[str, list[tuple[str, dict]]]]:
    with paging() as found:
        yield found


@pytest.fixture
def monitored(folders, tmp_path, pager) -> Iterator[tuple[Served, str]]:
    """A gateway before the model mood, and the address of the Prometheus that watches it."""
    base = folders("classify")[1].parent
    served = start(tmp_path / "state", f"--model=mood={base}", "--mask")
    try:
        with alertmanager(tmp_path, pager[0]) as address:
            config = prometheus_config(tmp_path, served.operators, address)
            storage = f"--storage.tsdb.path={tmp_path / 'series'}"
            with running("prometheus", tmp_path, f"--config.file={config}", storage) as prometheus:
                yield served, prometheus
    finally:
        served.process.kill()
        served.process.wait()


@pytest.mark.long
@needs("prometheus", "prometheus-alertmanager")
def test_a_model_that_goes_down_calls_somebody_who_hears_when_it_is_back(monitored, pager):
    served, prometheus = monitored
    assert ask(served, "write to anna@example.com", {}) == 200
    assert ask(served, "it is late", {"Authorization": "Bearer none"}) == 401
    every_panel_has_data(prometheus)
    assert not told(pager[1], "firing")
    with broken(served):
        (alert,) = wait_for(lambda: told(pager[1], "firing"))
    assert alert["labels"]["severity"] == "page"
    assert alert["labels"]["model"] == "mood"
    assert alert["annotations"]["runbook_url"].endswith("runbook.md#tfsocialmodeldown")
    assert wait_for(lambda: told(pager[1], "resolved"))
    assert ask(served, "it is late", {}) == 200
    every_rule_works(prometheus)


def told(heard: list[tuple[str, dict]], status: str) -> list[dict[str, Any]]:
    """What the last call about a model that is down says of it."""
    calls = [call for path, call in heard if path == "/page"]
    found = [
        [one for one in call["alerts"] if one["labels"]["alertname"] == "TfsocialModelDown"]
        for call in calls
    ]
    last = next((some for some in reversed(found) if some), [])
    return [one for one in last if one["status"] == status]


def every_panel_has_data(prometheus: str) -> None:
    """From a gateway that answered and refused."""
    expected = {
        expr for exprs in panels().values() for expr in exprs if not names_of(expr) & AT_TIMES
    }

    def empty() -> list[str]:
        return [expr for expr in expected if not _result(prometheus, expr)]

    wait_for(lambda: not empty(), 60)


def _result(prometheus: str, expr: str) -> list[Any]:
    said = httpx.get(f"{prometheus}/api/v1/query", params={"query": expr}).json()
    assert said["status"] == "success", (expr, said)
    return said["data"]["result"]


def every_rule_works(prometheus: str) -> None:
    groups = httpx.get(f"{prometheus}/api/v1/rules").json()["data"]["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    assert len(found) == sum(map(len, map(rules, values("prometheus.yaml")["rule_files"])))
    assert {rule["health"] for rule in found} == {"ok"}, [rule.get("lastError") for rule in found]
