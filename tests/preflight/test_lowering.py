"""A tiny train step on its way to the TPU compiler, and back to the line it came from."""

from __future__ import annotations

import inspect
import logging
import re
from pathlib import Path

import pytest
import tensorflow as tf
import tiny_run

from tfsocial.__main__ import main
from tfsocial.errors import InputError
from tfsocial.preflight import check, chips, compiler, page
from tfsocial.preflight.compiler import Counts, NotCompiled, OutOfMemory
from tfsocial.preflight.largest import Largest
from tfsocial.preflight.lowering import Lowering
from tfsocial.runs.prepare import prepare
from tfsocial.training import devices

PYTHON = compiler.ENVIRONMENT / "bin" / "python"
on_the_tpu_compiler = pytest.mark.skipif(
    not (compiler.ENVIRONMENT / ".installed").exists(),
    reason="no environment with the TPU compiler; make preflight-env",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with train.csv and dev.csv."""
    return tiny_run.write_moods(tmp_path_factory.mktemp("moods"))


@pytest.fixture(scope="module")
def ready(folder, tmp_path_factory):
    """A tiny run under XLA, with dropout, that waits for its first step."""
    chosen = tiny_run.settings(folder, "training.compile=xla", "model.dropout=0.1")
    device = devices.choose("cpu", chosen.training)
    return prepare(chosen, tmp_path_factory.mktemp("work"), device)


@pytest.fixture(scope="module")
def lowering(ready):
    return Lowering(ready.model, ready.training_batches().element_spec)


def test_the_step_is_stablehlo_on_any_number_of_rows(lowering):
    """Token ids [rows, 16] go in, whatever the config's rows."""
    for rows in (2, 6):
        text = lowering.module(rows)
        assert re.search(rf"func\.func @main\(.*tensor<{rows}x16xi32>", text)
        assert "stablehlo.dot" in text
        assert "rng_bit_generator" in text


def test_lowering_moves_no_weight(ready, lowering):
    """The step is traced and not run."""
    before = [weight.numpy() for weight in ready.model.trainable_variables]
    lowering.module(2)
    after = [weight.numpy() for weight in ready.model.trainable_variables]
    assert all((one == other).all() for one, other in zip(before, after, strict=True))
    assert int(ready.model.optimizer.iterations) == 0


def test_an_operation_leads_to_its_source_line(lowering):
    """Of several names the first that is an operation's, at the line that asked for it."""
    graph = lowering.step.get_concrete_function(lowering._batch(1)).graph
    name = next(op.name for op in graph.get_operations() if op.name.endswith("Rsqrt"))
    assert lowering.place(["x.12", "nothing/of/the/kind"]) is None
    assert re.fullmatch(rf"Rsqrt {name}, .*\.py:\d+", lowering.place(["x.12", name, "y"]))


def test_what_xla_has_not_is_named_with_its_line(ready, monkeypatch):
    """A Python function in the step: its operation, and the line it stands on."""

    def train_step(batch):
        return tf.py_function(lambda: 1.0, [], tf.float32)

    monkeypatch.setattr(ready.model, "train_step", train_step)
    spoilt = Lowering(ready.model, ready.training_batches().element_spec)
    with pytest.raises(NotCompiled) as refused:
        spoilt.module(2)
    line = inspect.getsourcelines(train_step)[1] + 1
    assert spoilt.place(refused.value.names) == f"EagerPyFunc EagerPyFunc, {__file__}:{line}"


def test_sizes_of_the_network_and_of_a_row(ready):
    """Worked by hand: one layer of width 32 and 64, two classes; 16 texts of 4 to 7 tokens."""
    network = check.network_of(ready.model)
    attention, feed_forward = 4 * (32 * 32 + 32), 32 * 64 + 64 + 64 * 32 + 32
    assert network.per_token == attention + feed_forward + 2 * 2 * 32
    assert network.per_example == 32 * 2 + 2
    words = len(ready.texts.words)
    embeddings = (words + 32 + 2) * 32 + 2 * 32
    assert network.gradient_bytes == 4 * (network.per_token + network.per_example + embeddings)
    row = check.row_of(ready.texts)
    # With [CLS] and [SEP] 7, 6, 4 and 6 tokens, each four times, at most two to a row of 16.
    assert (row.examples, row.tokens, row.squares) == (2.0, 11.5, 68.5)


def test_frozen_layers_are_passed_forwards_only(folder, tmp_path):
    """Of two layers the lower one and the embeddings learn nothing and send no gradient."""
    chosen = tiny_run.settings(folder, "model.random.layers=2", "training.frozen_layers=1")
    ready = prepare(chosen, tmp_path, devices.choose("cpu", chosen.training))
    network = check.network_of(ready.model, 1)
    layer, heads = network.frozen_per_token, network.per_example
    assert network.per_token == 2 * layer
    assert network.gradient_bytes == 4 * (layer + heads)
    with pytest.raises(InputError, match=r"training\.precision=float16: a TPU"):
        check.check(
            tiny_run.settings(folder, "training.precision=float16", "data.rows=4"),
            chips.topology("v5e:2x2"), PYTHON, False,
        )  # fmt: skip


@pytest.mark.long
@pytest.mark.long
@on_the_tpu_compiler
def test_recomputation_saves_memory_on_the_chip(folder):
    """Six layers on rows enough that what they keep does not fit beside the chip's cores."""

    def temporaries(recompute: str) -> int:
        options = ("data.rows=256", "model.random.layers=6", "model.dropout=0.1")
        chosen = tiny_run.settings(folder, *options, f"training.gradient_checkpointing={recompute}")
        return check.check(chosen, chips.topology("v5e:1x1"), PYTHON, False).counts.temporaries

    assert temporaries("true") < temporaries("false") / 2


def test_chips_must_share_a_batch_evenly(folder):
    """Two rows for four chips: the key, the slice and what to give instead."""
    with pytest.raises(InputError, match=r"data.rows=2: 4 chips of v5e:2x2 .* multiple of 4"):
        check.check(tiny_run.settings(folder), chips.topology("v5e:2x2"), PYTHON, False)


def test_chips_share_a_batch_in_parts(folder):
    """Four rows for two chips with four parts each."""
    settings = tiny_run.settings(folder, "data.rows=4", "training.micro_batches=4")
    with pytest.raises(InputError, match=r"2 chips .*, each in 4 parts, .* multiple of 8"):
        check.check(settings, chips.topology("v5e:1x2"), PYTHON, False)


def test_a_batch_that_does_not_fit_is_told_with_one_that_does(folder, monkeypatch):
    """A mock of the compiler, on whose chip four rows have room; each row is one of two parts."""

    def mock_compile_step(module, topology, python):
        rows = int(re.search(r"func\.func @main\(.*?tensor<(\d+)x16xi32>", module)[1])
        if rows > 4:
            raise OutOfMemory("RESOURCE_EXHAUSTED: 3G of 2G")
        return Counts("chip", rows, 0, 0, 0, 1.0, 1.0, 1, 1.0)

    monkeypatch.setattr(check, "compile_step", mock_compile_step)
    settings = tiny_run.settings(folder, "data.rows=16", "training.micro_batches=2")
    with pytest.raises(check.Refused) as refused:
        check.check(settings, chips.topology("v5e:1x1"), PYTHON, True)
    assert str(refused.value) == (
        "does not fit with 16 rows a chip (RESOURCE_EXHAUSTED: 3G of 2G); 4 do: --global_batch=4"
    )


def test_a_missing_compiler_is_one_sentence(folder, capsys):
    """Exit 2 before anything is read; the remedy is named."""
    flags = [f"--config={tiny_run.write_config(folder)}", f"--compiler={folder}/none"]
    assert main(["preflight", *flags]) == 2
    assert "make preflight-env" in capsys.readouterr().err


def test_the_page_is_what_the_numbers_say(ready):
    """Counts of 2 ms of arithmetic and 4 ms of memory on one v5e chip, 2 rows."""
    counts = Counts("TPU v5 lite", 2**30, 0, 2**29, 2**28, 2 * 197e9, 4 * 819e6, 1, 3.0)
    checked = check._checked(ready, chips.topology("v5e:1x1"), 2, counts, Largest(64, 72, counts))
    printed = page.page(checked)
    assert "HBM a chip: 1.75 of 15.75 GiB (arguments 1.00, temporaries 0.50, code 0.25" in printed
    assert "64 rows a chip, 64 of all (1.75 GiB, compiled; 72 do not)" in printed
    # 4 texts in 4 ms; a run of 4 steps.
    assert "2.000 ms of arithmetic, 4.000 ms of memory; at most 1,000 examples/s" in printed
    assert "the run: 4 steps; on v5e:1x1 at least 0.00027 minutes of steps" in printed
    # Two chips send the whole gradient, and their one link carries 50 GB a second.
    sent = checked.network.gradient_bytes
    assert re.search(rf"^ +2 +{sent / 1e6:.1f} +{sent / 5e7:.3f} ms", printed, re.MULTILINE)
    assert "no TPU ran anything" in printed


@pytest.mark.long
@on_the_tpu_compiler
def test_the_real_compiler_takes_the_step(folder, capsys):
    """The whole command on a tiny config, by the TPU compiler in libtpu."""
    flags = [f"--config={tiny_run.write_config(folder)}", "--set=model.dropout=0.1"]
    assert main(["preflight", *flags, "--topology=v5e:1x1", "--nolargest"]) == 0
    printed = capsys.readouterr().out
    assert "tiny on v5e:1x1: 1 x TPU v5 lite" in printed
    assert "compiles: yes" in printed
    flops, useful = re.search(r"FLOPs a step: ([\d.]+) G; useful ([\d.]+) G", printed).groups()
    assert float(flops) >= float(useful)


@pytest.mark.long
@on_the_tpu_compiler
def test_a_config_of_ours_passes_on_v5e(capsys):
    """One of configs/, with its own data and M0; `make preflight-configs` takes them all."""
    path = Path(__file__).parents[2] / "tfsocial" / "demo" / "demo.yaml"
    assert main(["preflight", f"--config={path}", "--topology=v5e:2x2", "--nolargest"]) == 0
    printed = capsys.readouterr().out
    assert "demo on v5e:2x2: 4 x TPU v5 lite" in printed
    assert "compiles: yes" in printed


@pytest.mark.long
@on_the_tpu_compiler
def test_what_the_tpu_compiler_refuses_is_named(ready, lowering, folder, monkeypatch, caplog):
    """An operation only the CPU knows, under the name of one of the step's own."""
    graph = lowering.step.get_concrete_function(lowering._batch(1)).graph
    name = next(op.name for op in graph.get_operations() if op.name.endswith("Rsqrt"))
    text = f"""module @step {{
      func.func public @main(%a: tensor<8xf32>) -> tensor<8xf32> {{
        %0 = stablehlo.custom_call @OnlyOnCpu(%a) : (tensor<8xf32>) -> tensor<8xf32> loc("{name}")
        return %0 : tensor<8xf32>
      }}
    }}"""
    monkeypatch.setattr(Lowering, "module", lambda self, rows: text)
    flags = [f"--config={tiny_run.write_config(folder)}", "--topology=v5e:1x1"]
    with caplog.at_level(logging.ERROR):
        assert main(["preflight", *flags]) == 1
    assert f"does not compile: Rsqrt {name}, " in caplog.text
    assert "OnlyOnCpu" in caplog.text
