"""What every objective of the tables promises, whichever it is.

The cases are read off the tables: a new objective is tested here without a line of its own.
Its knobs need defaults; each of its on/off knobs is tested in both positions.
"""

from __future__ import annotations

import dataclasses
import math
import re
import typing
from typing import Any, NamedTuple

import annotated_types
import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfsocial import config
from tfsocial.config import Task
from tfsocial.errors import InputError
from tfsocial.objectives import table, weighing
from tfsocial.text import batch as keys
from tfsocial.text import packing
from tfsocial.training.run_constants import UndeclaredNeedError

MENUS = {"tasks": table.TASK, "community": table.COMMUNITY, "papers": table.PAPERS}
NAMED = [(menu, name) for menu, entries in MENUS.items() for name in entries]
OF_NEARLY_EQUAL_PASSES = {table.PAPERS[name] for name in ("r_drop", "smart", "vat")}
OPTIONAL = {"m0_vectors"}  # without it M0 reads each batch
OF_NO_TASK = ("classify",)  # the kind of the batch for objectives that name no task


def is_about_a_task(objective: type) -> bool:
    return any(field.name == "task" for field in dataclasses.fields(objective))


def kinds_of(objective: type) -> tuple[str, ...]:
    return objective.kinds if is_about_a_task(objective) else OF_NO_TASK


class Case(NamedTuple):
    """One objective on one kind of task with some knobs turned."""

    menu: str
    name: str
    kind: str
    knobs: dict[str, Any]

    def __str__(self) -> str:
        return "-".join([self.name, self.kind, *self.knobs])

    def objective(self, task_of_kind):
        tasks = {task_of_kind[self.kind]: Task(kind=self.kind)}
        return table.build(MENUS[self.menu], self.name, self.knobs, tasks, self.name)


# Some speak of a part of the texts by choice; here they speak of all.
OUTSPOKEN = {
    "fix_match": {"confidence": 0.0},
    "uda": {"confidence": 0.0},
    "masked_lm": {"share": 0.95},
}


def switches(name: str, objective: type) -> list[dict[str, Any]]:
    """No knob turned, and each on/off knob turned."""
    flags = [field for field in dataclasses.fields(objective) if isinstance(field.default, bool)]
    base = OUTSPOKEN.get(name, {})
    return [base, *({**base, flag.name: not flag.default} for flag in flags)]


CASES = [
    Case(menu, name, kind, knobs)
    for menu, name in NAMED
    for kind in kinds_of(MENUS[menu][name])
    for knobs in switches(name, MENUS[menu][name])
]


# Tracing, a second replica, many passes take seconds: there one kind of task stands for all.
FIRST_KINDS = [case for case in CASES if case.kind == kinds_of(MENUS[case.menu][case.name])[0]]


@pytest.fixture(params=CASES, ids=str)
def objective(request, task_of_kind):
    return request.param.objective(task_of_kind)


@pytest.fixture(params=FIRST_KINDS, ids=str)
def of_first_kind(request, task_of_kind):
    return request.param.objective(task_of_kind)


def assert_same_gradients(actual, expected, tolerance: float = 1e-5) -> None:
    """All within a tolerance of the length of the whole gradient."""
    scale = max(1.0, float(tf.linalg.global_norm(expected)))
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * scale)


def by_example(batch, values) -> np.ndarray:
    return packing.unpack(batch[keys.EXAMPLE_ID].numpy(), values.numpy())[1]


# (a) what comes back


def test_gives_per_example_losses_and_their_mask(objective, bench, batch):
    """Loss and mask are float32 [rows, slots], finite everywhere; the mask is 0 or 1."""
    loss, mask = objective(bench.step(batch))
    shape = batch[keys.WEIGHT].shape
    assert (loss.dtype, mask.dtype) == (tf.float32, tf.float32)
    assert (loss.shape, mask.shape) == (shape, shape)
    assert np.isfinite(loss.numpy()).all()
    assert set(np.unique(mask)) == {0.0, 1.0}


def test_counts_no_empty_or_weightless_slot(objective, bench, batch):
    """The mask is 0 wherever the batch's weight is."""
    assert not np.any(objective(bench.step(batch)).mask[batch[keys.WEIGHT] == 0])


def test_says_something_about_every_counted_example(objective, bench, batch):
    """No counted example has a loss of exactly 0 in a model that is still far from right."""
    loss, mask = objective(bench.step(batch))
    assert np.all(loss[mask > 0] > 0)


# (b) eager, graph, XLA


def test_computes_the_same_in_a_graph(of_first_kind, bench, batch):
    """Eager execution and a graph agree."""
    assert_same_compiled(of_first_kind, bench, batch, jit_compile=False)


def test_computes_the_same_under_xla(of_first_kind, bench, batch):
    """Eager execution and XLA agree."""
    assert_same_compiled(of_first_kind, bench, batch, jit_compile=True)


def assert_same_compiled(objective, bench, batch, jit_compile: bool) -> None:
    compiled = tf.function(lambda batch: bench.terms(objective, batch), jit_compile=jit_compile)
    eager, traced = bench.terms(objective, batch), compiled(batch)
    np.testing.assert_array_equal(traced.mask, eager.mask)
    np.testing.assert_allclose(traced.loss, eager.loss, rtol=1e-5, atol=1e-5)


# (c) what the mask leaves out does not count


def test_masked_slots_do_not_matter(objective, bench, batch):
    """Other tokens, labels and ids in slots without weight leave mean and gradients alone."""
    expected = bench.measure(objective, batch)
    actual = bench.measure(objective, disturbed(batch))
    np.testing.assert_allclose(actual.share, expected.share, rtol=1e-6, atol=1e-6)
    assert_same_gradients(actual.gradients, expected.gradients, 1e-6)


def disturbed(batch):
    """The batch with everything changed that has no weight."""
    weightless = batch[keys.WEIGHT].numpy() == 0
    weightless_of_segment = np.pad(weightless, [[0, 0], [1, 0]], constant_values=True)
    changed = {key: value.numpy().copy() for key, value in batch.items()}
    for view in ("", keys.VIEW):
        segments, tokens, types = (
            changed[keys.view_key(view, key)]
            for key in (keys.SEGMENT_IDS, keys.TOKEN_IDS, keys.TYPE_IDS)
        )
        unread = np.take_along_axis(weightless_of_segment, segments, axis=1)
        tokens[unread] = tokens[unread] * 3 % 40 + 1
        types[unread] = 1
    changed[keys.EXAMPLE_ID][weightless] = 3
    for task, other in (("topic", 2), ("tags", 1.0), ("score", -5.0)):
        changed[keys.label_key(task)][weightless] = other
    return {key: tf.constant(value, batch[key].dtype) for key, value in changed.items()}


# (d) order


def test_examples_may_stand_anywhere(objective, bench, batch, rearranged):
    """The same examples in other rows and slots have the same losses, and the same mean."""
    here, there = objective(bench.step(batch)), objective(bench.step(rearranged))
    np.testing.assert_array_equal(by_example(rearranged, there.mask), by_example(batch, here.mask))
    moved, stayed = by_example(rearranged, there.loss), by_example(batch, here.loss)
    counted = by_example(batch, here.mask) > 0
    np.testing.assert_allclose(moved[counted], stayed[counted], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(weighing.mean(there), weighing.mean(here), rtol=1e-5, atol=1e-5)


# (e) gradients


def test_gradients_under_dropout_are_finite_and_not_zero(objective, bench, batch):
    """An ordinary training pass can be learned from."""
    gradients = bench.measure(objective, batch, dropout=True).gradients
    assert np.isfinite(tf.linalg.global_norm(gradients))
    assert tf.linalg.global_norm(gradients) > 1e-4


def test_gradients_agree_with_finite_differences(of_first_kind, bench, batch):
    """The slope in random directions is the gradient's share of them.

    Directions have entries of +-1, so the slope is about as large as the gradient's norm g.
    With steps h = 1e-3 the difference 2 h g is a hundred times float32's error, and the
    truncation error, h^2 times the third derivative, stays below a percent.
    """
    gradients = bench.measure(of_first_kind, batch).gradients
    norm = float(tf.linalg.global_norm(gradients))
    for seed in range(2):
        direction = random_signs(bench.variables, seed)
        expected = sum(
            float(tf.reduce_sum(g * d)) for g, d in zip(gradients, direction, strict=True)
        )
        assert slope(of_first_kind, bench, batch, direction, 1e-3) == pytest.approx(
            expected, abs=0.02 * norm
        )


def random_signs(variables, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.choice([-1.0, 1.0], variable.shape).astype(np.float32) for variable in variables]


def slope(objective, bench, batch, direction, step: float) -> float:
    """Central difference of the weighed mean; leaves the weights as they were."""
    before = [variable.numpy() for variable in bench.variables]
    here = bench.step(batch)
    objective(here)
    values = []
    try:
        for sign in (1, -1):
            for variable, at, ahead in zip(bench.variables, before, direction, strict=True):
                variable.assign(at + sign * step * ahead)
            there = bench.step(batch, here.held)
            values.append(float(weighing.mean(objective(there))))
    finally:
        for variable, at in zip(bench.variables, before, strict=True):
            variable.assign(at)
    return (values[0] - values[1]) / (2 * step)


# (f) precision


def test_bfloat16_model_gives_float32_losses(objective, bench, bfloat16_bench, batch):
    """A bfloat16 encoder changes the mean by a few percent at most, and no dtype.

    The distance between two passes that are nearly alike is less exact than either of them.
    """
    terms = bfloat16_bench.terms(objective, batch)
    assert (terms.loss.dtype, terms.mask.dtype) == (tf.float32, tf.float32)
    assert np.isfinite(terms.loss.numpy()).all()
    tolerance = 0.3 if type(objective) in OF_NEARLY_EQUAL_PASSES else 0.05
    np.testing.assert_allclose(weighing.mean(terms), bench.share(objective, batch), rtol=tolerance)


def test_bfloat16_bench_computes_in_bfloat16(bfloat16_bench, batch):
    """The test above compares two precisions, not one with itself."""
    outputs = bfloat16_bench.step(batch).outputs
    assert (outputs.hidden.dtype, outputs.pooled.dtype) == (tf.bfloat16, tf.float32)


# (g) replicas


def test_two_replicas_are_one(of_first_kind, bench, mirrored_bench, two_cpus, batch):
    """Shares and gradients of two replicas add up to those of one with the whole batch.

    Once with five labelled examples on one and three on the other, once with all on one.
    """
    together = on_replicas(two_cpus, mirrored_bench, of_first_kind)
    for whole in (batch, without_weight(batch, replica=1)):
        alone = bench.measure(of_first_kind, whole)
        share, gradients = together(whole)
        np.testing.assert_allclose(share, alone.share, rtol=1e-5, atol=1e-5)
        assert_same_gradients(gradients, alone.gradients)


@pytest.mark.parametrize("name", ["pairwise", "listwise"])
def test_lists_may_lie_across_replicas(name, bench, mirrored_bench, two_cpus, batch):
    """Two replicas compare within the same lists as one, and so does XLA."""
    ids = batch[keys.EXAMPLE_ID]
    lists = tf.where(ids >= 0, tf.cast(ids % 3, tf.int32), -1)
    batch = {**batch, keys.group_key("score"): lists}
    objective = table.TASK[name]("score")
    alone = bench.measure(objective, batch)
    share, gradients = on_replicas(two_cpus, mirrored_bench, objective)(batch)
    np.testing.assert_allclose(share, alone.share, rtol=1e-5, atol=1e-5)
    assert_same_gradients(gradients, alone.gradients)
    assert_same_compiled(objective, bench, batch, jit_compile=True)


def without_weight(batch, replica: int):
    """The batch whose rows of one of two replicas have weight 0."""
    weight = batch[keys.WEIGHT].numpy().copy()
    half = len(weight) // 2
    weight[replica * half : (replica + 1) * half] = 0
    return {**batch, keys.WEIGHT: tf.constant(weight)}


def on_replicas(strategy, bench, objective):
    """Gives the replicas' shares and gradients, added up; each gets its part of the rows."""

    def part(batch, context):
        rows = batch[keys.WEIGHT].shape[0] // context.num_replicas_in_sync
        start = context.replica_id_in_sync_group * rows
        return {key: value[start : start + rows] for key, value in batch.items()}

    @tf.function
    def run(parts):
        measured = strategy.run(lambda part: bench.measure(objective, part)[1:], args=(parts,))
        add = tf.distribute.ReduceOp.SUM
        return tf.nest.map_structure(lambda value: strategy.reduce(add, value, None), measured)

    distribute = strategy.experimental_distribute_values_from_function
    return lambda batch: run(distribute(lambda context: part(batch, context)))


# (h) what it says of itself


@pytest.mark.parametrize(("menu", "name"), NAMED)
class TestEntry:
    """Each entry of the tables, on paper."""

    def test_docstring_has_formula_and_source(self, menu, name):
        """The docstring begins with a formula and cites an arXiv number or a textbook's section."""
        text = MENUS[menu][name].__doc__
        assert re.search(
            r"(\bsum\b|\bmean\b|\blog\b|\bcos\b|KL|\^2|exp\(|\bL\()", text.split("\n\n")[0], re.I
        )
        assert re.search(
            r"arXiv:\d{4}\.\d{4,5}|\(\d{4}\), .+ (section|equation|chapter) \d", text, re.S
        )

    def test_is_a_frozen_dataclass(self, menu, name):
        """Knobs cannot move during a run."""
        kind = MENUS[menu][name]
        assert dataclasses.is_dataclass(kind)
        assert kind.__dataclass_params__.frozen

    def test_kinds_are_declared_if_it_is_about_a_task(self, menu, name):
        """An objective names a task exactly if its class says which kinds fit."""
        kind = MENUS[menu][name]
        assert is_about_a_task(kind) == ("kinds" in vars(kind))
        assert set(kind.kinds) <= set(typing.get_args(config.TaskKind))

    def test_unknown_knob_is_answered_with_the_nearest(self, menu, name):
        """A misspelled knob is refused by its key path; every field and `weight` is offered."""
        fields = [field.name for field in dataclasses.fields(MENUS[menu][name])]
        for known in ["weight", *fields]:
            with pytest.raises(InputError, match=f"at.{known}x is not a knob.*mean {known}"):
                build(menu, name, {f"{known}x": 1})

    def test_knob_out_of_range_is_refused_by_its_path(self, menu, name):
        """Numbers beyond a bound, and what is no number, name key path and value."""
        for knob, value in wrong_values(MENUS[menu][name]):
            with pytest.raises(InputError, match=f"^at.{knob} is {re.escape(repr(value))}; "):
                build(menu, name, {knob: value})

    def test_task_of_another_kind_is_refused(self, menu, name):
        """An objective about a task takes only the kinds its class declares."""
        others = [kind for kind in table.USUAL_LOSS if kind not in MENUS[menu][name].kinds]
        for kind in others:
            with pytest.raises(InputError, match=f"at: .*{name} is for kinds "):
                table.build(MENUS[menu], name, {}, {"one": Task(kind=kind)}, "at")
            with pytest.raises(InputError, match=f"at: task one is of kind {kind}; "):
                table.build(MENUS[menu], name, {"task": "one"}, {"one": Task(kind=kind)}, "at")

    def test_unknown_task_is_refused(self, menu, name):
        """A term about a task that is not there says so."""
        if is_about_a_task(MENUS[menu][name]):
            with pytest.raises(InputError, match="at: there is no task elsewhere; "):
                build(menu, name, {"task": "elsewhere"})


def build(menu: str, name: str, knobs):
    kind = kinds_of(MENUS[menu][name])[0]
    return table.build(MENUS[menu], name, knobs, {"one": Task(kind=kind)}, "at")


def wrong_values(objective: type) -> list[tuple[str, Any]]:
    """(knob, value) just beyond each bound, and of another type."""
    wrong = []
    hints = typing.get_type_hints(objective, include_extras=True)
    for knob in (field.name for field in dataclasses.fields(objective)):
        hint = hints[knob]
        plain, *annotations = typing.get_args(hint) or (hint,)
        if plain in (int, float, bool):
            wrong.append((knob, "many"))
        if plain is float:
            wrong += [(knob, math.inf), (knob, math.nan)]
        for note in annotations:
            wrong += [(knob, value) for value in beyond(note)]
    return wrong


def beyond(note) -> list[float]:
    """Values that a pydantic field with this annotation must refuse."""
    wrong = []
    for bound in getattr(note, "metadata", [note]):
        match bound:
            case annotated_types.Ge(ge=limit):
                wrong.append(limit - 1)
            case annotated_types.Le(le=limit):
                wrong.append(limit + 1)
            case annotated_types.Gt(gt=limit) | annotated_types.Lt(lt=limit):
                wrong.append(limit)
    return wrong


def test_wrong_values_are_found():
    """The search above finds the bounds it is meant to find."""
    assert ("temperature", 0.0) in wrong_values(table.PAPERS["supervised_contrastive"])
    assert ("label_smoothing", 1.0) in wrong_values(table.TASK["cross_entropy"])
    assert ("label_smoothing", -1.0) in wrong_values(table.TASK["cross_entropy"])


# the table


def test_names_are_the_methods_own():
    """One name means one objective in all menus together."""
    assert len({name for _, name in NAMED}) == len(NAMED)


def test_every_kind_of_task_has_a_usual_loss_that_fits():
    """A task without `loss` is never refused."""
    assert set(table.USUAL_LOSS) == set(typing.get_args(config.TaskKind))
    for kind, name in table.USUAL_LOSS.items():
        assert kind in table.TASK[name].kinds


def test_an_objective_reads_what_it_declares(of_first_kind, bench, batch):
    """Of all that a run may have made it gets what its class says, and needs no more."""
    constants = bench.constants
    declared = {need: constants[need] for need in of_first_kind.needs}
    restricted = dataclasses.replace(
        bench.step(batch), constants=dataclasses.replace(constants, provided=declared)
    )
    expected = of_first_kind(bench.step(batch)).loss
    np.testing.assert_array_equal(of_first_kind(restricted).loss, expected)


@pytest.mark.parametrize(
    ("menu", "name"), [entry for entry in NAMED if set(MENUS[entry[0]][entry[1]].needs) - OPTIONAL]
)
def test_an_undeclared_need_is_named(menu, name, bench, batch, task_of_kind):
    """An objective that lacks one of its needs reads something, and the error says what."""
    kind = MENUS[menu][name]
    objective = Case(menu, name, kinds_of(kind)[0], OUTSPOKEN.get(name, {})).objective(task_of_kind)
    step = bench.step(batch)
    bare = dataclasses.replace(step, constants=dataclasses.replace(step.constants, provided={}))
    with pytest.raises(UndeclaredNeedError, match=r"was not made for this run: .*`needs`") as found:
        objective(bare)
    assert re.search("^'(.*?)'", str(found.value))[1] in kind.needs


def test_formula_has_all_terms_in_order():
    """L, then L0, then L_paper, each under its name and with its weight and knobs."""
    tree = {
        "tasks": {"mood": {"weight": 2, "loss": {"label_smoothing": 0.1}}},
        "objectives": {
            "papers": {"r_drop": {"weight": 4}, "supervised_contrastive": {"temperature": 0.1}},
            "community": {"l2_sp": {"weight": {"end": 0.5}}},
        },
    }
    chosen = config.parse(tree)
    terms = table.formula(chosen.tasks, chosen.objectives)
    assert [term.name for term in terms] == [
        "L/mood",
        "L0/l2_sp",
        "L_paper/r_drop",
        "L_paper/supervised_contrastive",
    ]
    assert [term.weight for term in terms] == [2.0, config.Schedule(end=0.5), 4.0, 1.0]
    assert terms[0].objective == table.TASK["cross_entropy"]("mood", label_smoothing=0.1)
    assert terms[3].objective.temperature == 0.1


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        (
            {"objectives": {"papers": {"r_dorp": {}}}},
            "objectives.papers.r_dorp is not a known objective; did you mean r_drop",
        ),
        (
            {"objectives": {"community": {"r_drop": {}}}},
            "objectives.community.r_drop is not a known objective; allowed: ewc",
        ),
        (
            {"objectives": {"papers": {"supervised_contrastive": {"temperature": 0}}}},
            "objectives.papers.supervised_contrastive.temperature is 0; ",
        ),
        (
            {"tasks": {"mood": {"loss": {"name": "cross_entropi"}}}},
            "tasks.mood.loss is not a known objective; did you mean cross_entropy",
        ),
        (
            {"tasks": {"mood": {"loss": {"label_smoothin": 0.1}}}},
            "tasks.mood.loss.label_smoothin is not a knob.*did you mean label_smoothing",
        ),
        (
            {"tasks": {"mood": {"kind": "regress", "loss": {"name": "cross_entropy"}}}},
            "tasks.mood.loss: task mood is of kind regress; cross_entropy is for kinds classify",
        ),
    ],
)
def test_formula_refuses_by_key_path(tree, sentence):
    """What is wrong in a config is named by its key path, before step one."""
    chosen = config.parse(tree)
    with pytest.raises(InputError, match=sentence):
        table.formula(chosen.tasks, chosen.objectives)


def test_keeps_no_state(bench, batch, objective):
    """Called twice on one batch it gives one answer: it keeps no state."""
    assert not isinstance(objective, keras.layers.Layer | tf.Module)
    first, second = bench.terms(objective, batch), bench.terms(objective, batch)
    np.testing.assert_array_equal(first.loss, second.loss)


def test_a_loss_cannot_be_about_another_task():
    """It would be ignored silently: the loss of a task is about that task."""
    tasks = {"topic": Task(loss={"task": "other"})}
    with pytest.raises(InputError, match=r"tasks\.topic\.loss\.task: .* leave it out"):
        table.formula(tasks, config.Objectives())


def test_a_task_that_is_no_name_is_refused():
    """A list of tasks is a mistake, not a crash."""
    papers = {"r_drop": config.Objective(task=["topic"])}
    objectives = config.Objectives(papers=papers)
    with pytest.raises(InputError, match=r"objectives\.papers\.r_drop: there is no task"):
        table.formula({"topic": Task()}, objectives)
