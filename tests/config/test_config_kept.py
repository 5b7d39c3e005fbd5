"""Other roots, older names, written copies and the schema."""

from __future__ import annotations

import json
import os
import re

import pytest
import yaml
from configs_by_hand import refusal, write
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as some
from pydantic import Field

from tfsocial import config, errors
from tfsocial.config import Config, annotation_tree, migration
from tfsocial.config.base import Section
from tfsocial.config.optimizer import AdamW, AnyOptimizer
from tfsocial.config.paths import AnyPath
from tfsocial.errors import InputError

# --- another root ------------------------------------------------------------------------


class Listener(Section):
    """Where a service listens."""

    port: int = 80
    store: AnyPath = "store"


class Service(Section):
    """A command's config that is no training run's."""

    listeners: dict[str, Listener] = Field({})
    optimizer: AnyOptimizer = AdamW()


def test_another_root_is_loaded_laid_over_and_refused_alike(tmp_path):
    """Paths, null, variants, sentences and the schema go by the root's annotations."""
    below = tmp_path / "below.yaml"
    below.write_text("{listeners: {a: {store: s}, b: {}}, optimizer: {epsilon: 1}}", "utf-8")
    above = write(tmp_path, "{listeners: {b: null}, optimizer: {name: lion}}")
    loaded = config.load([below, above], ["listeners.a.port=8"], Service)
    assert loaded == Service(
        listeners={"a": Listener(port=8, store=str(tmp_path / "s"))}, optimizer={"name": "lion"}
    )
    with pytest.raises(InputError, match=r"^config: listeners\.a\.prot .* listeners\.a\.port\?$"):
        config.parse({"listeners": {"a": {"prot": 1}}}, root=Service)
    assert json.loads(config.json_schema(Service))["properties"].keys() == {
        "listeners",
        "optimizer",
    }


# --- names of before ---------------------------------------------------------------------

OLD = {
    "tasks": {"mood": {"out_of_scope": "x", "out_of_scope_by": "energy", "in_scope_kept": 0.9}},
    "data": {
        "mixture": {"own": {"rate": 2.0, "splits": {"train": "a.csv"}}},
        "view": ["word_drop"],
    },
    "model": {"refit_c": 0.3},
    "optimizer": {"name": "lion", "beta_1": None, "epsilon": None, "scale_parameter": None},
    "objectives": {
        "community": {"l2_sp": {"weight": {"cosine": 0.9, "gain": 2.0}}},
        "weighing": "given",
        "sharpness": 0.1,
        "asymmetry": 1.0,
    },
    "training": {"recompute": True, "spike": None, "unfreeze_every": 2.0},
}


def test_an_old_name_is_answered_with_the_new_one():
    """Each of them, in one message."""
    message = refusal({**OLD, "optimizer": {}})
    for old in migration.KEYS:
        assert old.rpartition(".")[2] in message
    assert "tasks.mood.out_of_scope is now called tasks.mood.ood_label; " in message
    assert "objectives.weighing: given is now called fixed" in message
    assert message.count("is now called") == len(migration.KEYS) + 1
    assert "known key" not in message


def test_what_an_older_run_left_is_read():
    """The same values under the names of today."""
    read = config.parse(OLD, migrate=True)
    mood = read.tasks["mood"]
    assert (mood.ood_label, mood.ood_detector, mood.min_in_scope_recall) == ("x", "energy", 0.9)
    assert read.data.mixture["own"].sampling_weight == 2.0
    assert read.data.second_view == ({"word_drop": {}},)
    assert read.model.final_probe_c == 0.3
    assert read.optimizer == config.parse({"optimizer": {"name": "lion"}}).optimizer
    assert read.objectives.community["l2_sp"].weight.step_size == 2.0
    chosen = read.objectives
    assert (chosen.weighing, chosen.sam_radius, chosen.gradnorm_alpha) == ("fixed", 0.1, 1.0)
    training = read.training
    assert (training.gradient_checkpointing, training.loss_spike) == (True, None)
    assert training.gradual_unfreezing_epochs == 2.0


def test_every_new_name_is_a_key():
    """The table leads to keys that are there, and from keys that are not."""
    for old, new in migration.KEYS.items():
        *parents, last = old.split(".")
        holder = Config
        for part in parents:
            holder = annotation_tree.below(holder, part)
        variants = annotation_tree.tagged_union(holder)
        holders = variants.variants.values() if variants else [holder]
        keys = {key for one in holders for key in annotation_tree.fields(one)}
        assert new in keys
        assert last not in keys


# --- the resolved copy -------------------------------------------------------------------

LABELS = some.lists(some.text(min_size=1, max_size=8), min_size=1, max_size=4, unique=True)


SCHEDULES = some.builds(
    lambda start, end, moments, shape: {
        "start": start,
        "end": end,
        "shape": shape,
        "begin": min(moments),
        "until": max(moments),
    },
    some.floats(0, 10),
    some.floats(0, 10),
    some.tuples(some.floats(0, 1), some.floats(0, 1)),
    some.sampled_from(["linear", "cosine", "step"]),
)


WEIGHTS = some.floats(0, 1e6) | SCHEDULES


@runs(max_examples=60, deadline=None)
@given(
    name=some.text(max_size=20),
    seed=some.integers(0, 2**31 - 1),
    labels=some.none() | LABELS,
    weight=WEIGHTS,
    rate=some.floats(1e-12, 1e3),
    knob=some.floats(-1e9, 1e9) | some.booleans() | some.text(max_size=5),
)
def test_a_written_config_is_read_back_equal(
    tmp_path_factory, name, seed, labels, weight, rate, knob
):
    """config.yaml of a run is the run: every value survives, whatever letters it holds."""
    chosen = config.parse(
        {
            "name": name,
            "seed": seed,
            "data": {"root": "/corpus", "splits": {"train": name or "train.csv"}},
            "tasks": {"mood": {"labels": labels, "weight": weight}},
            "objectives": {"papers": {"r_drop": {"weight": weight, "knob": knob}}},
            "optimizer": {"learning_rate": rate, "clip_norm": None},
        }
    )
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    chosen.write(path)
    assert config.load(path) == chosen
    assert config.load(path).fingerprint() == chosen.fingerprint()


def test_the_written_config_is_complete(tmp_path):
    """Every knob stands in it, so that a later change of a default changes no old run."""
    Config().write(tmp_path / "config.yaml")
    written = yaml.safe_load((tmp_path / "config.yaml").read_text("utf-8"))
    assert written.keys() == Config.model_fields.keys()
    assert written["training"].keys() == config.Training.model_fields.keys()
    assert written["model"]["random"].keys() == config.RandomEncoder.model_fields.keys()


def test_knobs_of_an_objective_are_what_is_not_its_weight():
    """The table gets them as they were written."""
    papers = {"r_drop": {"weight": 2, "task": "mood"}}
    entry = config.parse({"objectives": {"papers": papers}}).objectives.papers["r_drop"]
    assert (entry.weight, entry.knobs) == (2.0, {"task": "mood"})


@pytest.mark.parametrize(
    "change", ["seed=1", "training.epochs=9", "tasks.label.weight=2", "data.rows=5"]
)
def test_the_fingerprint_changes_with_every_knob(change):
    """64 hexadecimal digits, the same for equal configs and other ones for others."""
    fingerprint = config.parse({}).fingerprint()
    assert re.fullmatch("[0-9a-f]{64}", fingerprint)
    assert Config().fingerprint() == fingerprint
    assert config.parse(config.override({}, [change])).fingerprint() != fingerprint


# --- JSON schema -------------------------------------------------------------------------


def references(schema) -> list[str]:
    """Every $ref in a schema."""
    if isinstance(schema, list):
        return [found for item in schema for found in references(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"]] if "$ref" in schema else []
    return own + [found for item in schema.values() for found in references(item)]


def test_the_schema_names_every_section_and_refuses_other_keys():
    """An editor that reads it completes all sections and underlines typing errors."""
    schema = json.loads(config.json_schema())
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert schema["properties"].keys() == Config.model_fields.keys()
    sections = {"Data", "Splits", "Task", "Model", "RandomEncoder", "Objectives", "Lion"}
    assert sections | {"Training", "Report", "Schedule"} <= schema["$defs"].keys()
    training = schema["$defs"]["Training"]["properties"]
    assert training.keys() == config.Training.model_fields.keys()


def test_every_reference_of_the_schema_leads_somewhere():
    """A reference into nothing would make the schema useless to an editor."""
    schema = json.loads(config.json_schema())
    found = references(schema)
    assert found
    assert {reference.removeprefix("#/$defs/") for reference in found} <= schema["$defs"].keys()


# --- nearest -----------------------------------------------------------------------------


def test_nearest_never_invents_a_choice():
    """A close word is asked for; a far one gets the list."""
    assert errors.nearest("confg", ["config", "data"]) == "did you mean config?"
    assert errors.nearest("qqq", ["config", "data"]) == "allowed: config, data"


def test_load_reads_nothing_of_the_environment(tmp_path, monkeypatch):
    """The file and the overrides are all there is: no variable changes a run unseen."""
    path = write(tmp_path, "seed: 3\n")
    before = config.load(path)
    for name in ("SEED", "TFSOCIAL_SEED", "EPOCHS"):
        monkeypatch.setitem(os.environ, name, "9")
    assert config.load(path) == before
