"""What the models are like now, for Prometheus; read when it asks."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from tfsocial.serving.gateway.models import Models, ServedModel

# Name -> what it is, and its labels beside the model.
GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "waiting_tokens": ("In the line.", ()),
    "busy_tokens": ("With the model.", ()),
    "version": ("That answers; 0: none.", ()),
    "up": ("Whether the model can be asked.", ()),
    "rejected_versions": ("Newer than the one that answers, and not taken.", ()),
    "trial_share": ("Of what is well with a version on trial.", ("version", "test")),
    "drift_score": ("Of the last window.", ("signal",)),
    "drift_threshold": ("Above it the signal has drifted.", ("signal",)),
    "expected_accuracy": ("By the probabilities of the last window.", ("task",)),
}


class Gauges:
    """The gauges of all models; names begin with tfsocial_."""

    def __init__(self, registry: CollectorRegistry):
        self._gauges = {
            name: Gauge(f"tfsocial_{name}", about, ("model", *labels), registry=registry)
            for name, (about, labels) in GAUGES.items()
        }

    def read(self, models: Models) -> None:
        """Set each to what is; those of what is no more are gone."""
        for gauge in self._gauges.values():
            gauge.clear()
        for model in models:
            self._read_load(model)
            self._read_trial(model)
            self._read_drift(model)

    def _read_load(self, model: ServedModel) -> None:
        current = model.current
        self._set("waiting_tokens", current.batcher.waiting_tokens if current else 0, model.name)
        self._set("busy_tokens", current.batcher.busy_tokens if current else 0, model.name)
        self._set("version", current.number if current else 0, model.name)
        self._set("up", model.alive, model.name)
        answering = current.number if current else 0
        newer = [number for number in model.failed if number > answering]
        self._set("rejected_versions", len(newer), model.name)

    def _read_trial(self, model: ServedModel) -> None:
        if model.trial and model.candidate:
            for name, test in model.trial.tests.items():
                names = model.name, str(model.candidate.number), name
                self._set("trial_share", test.share, *names)

    def _read_drift(self, model: ServedModel) -> None:
        watch = model.current.watch if model.current else None
        if watch is None:
            return
        for signal, score in watch.scores.items():
            self._set("drift_score", score.value, model.name, signal)
            self._set("drift_threshold", score.threshold, model.name, signal)
        for task, share in watch.accuracy.items():
            self._set("expected_accuracy", share, model.name, task)

    def _set(self, name: str, value: float, *labels: str) -> None:
        self._gauges[name].labels(*labels).set(value)
