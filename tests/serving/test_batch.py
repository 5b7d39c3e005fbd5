"""`tfsocial batch-predict` on Beam, in an environment of its own: `make batch-env`.

The model is tiny and random, but a SavedModel; Beam, TensorFlow and files are what they are.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import watched_model
from said_by_commands import one_sentence
from test_batch_plan import numbers

from tfsocial.serving.loading import load_predictor
from tfsocial.serving.predictor import predict_file

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".venv-batch"
PYTHON = ENVIRONMENT / "bin" / "python"
BUCKET = Path(__file__).parent / "on_beam" / "bucket.py"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not (ENVIRONMENT / ".installed").exists(),
        reason="there is no .venv-batch; make batch-env",
    ),
]


def command(model: Path, source: Path | str, output: Path | str, *flags: str) -> list[str]:
    asked = [f"--model={model}", f"--input={source}", f"--output={output}"]
    return [str(PYTHON), "-m", "tfsocial", "batch-predict", *asked, *flags]


def run(*arguments, **more) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(*arguments), cwd=ROOT, capture_output=True, text=True, check=False, **more
    )


def write_inputs(folder: Path) -> list[Path]:
    """Files of four formats in two folders, with duplicates in and across them, and bad rows."""
    (folder / "more").mkdir(parents=True)
    txt, csv = folder / "a.txt", folder / "more" / "a.csv"
    tsv, jsonl = folder / "more" / "b.tsv", folder / "c.jsonl.gz"
    words = ["good", "late", "card", "order", "my", "thanks"]
    texts = [f"{words[n % 6]} {words[n % 5]} {words[n % 4]}" for n in range(50)]
    txt.write_bytes("\n".join([*texts, ""]).encode() + b"br\xffken\n\nlast\n")
    csv.write_text("id,text\n" + "".join(f'{n},"{t}\nok"\n' for n, t in enumerate(texts)), "utf-8")
    tsv.write_text("text\tid\n" + "".join(f"{t}\t{n}\n" for n, t in enumerate(texts[:9])), "utf-8")
    with gzip.open(jsonl, "wt", encoding="utf-8") as file:
        file.write("".join(json.dumps({"text": text}) + "\n" for text in ["我的卡", *texts]))
        file.write('{"text": "half\n{"text": 7}\n')
    return [txt, csv, tsv, jsonl]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rows_of(output: Path, name: str) -> list[dict]:
    """The answers to an input, its parts one after another."""
    parts = sorted((output / "answers").glob(f"{name}-*.jsonl"))
    return [json.loads(line) for part in parts for line in part.open(encoding="utf-8")]


@pytest.fixture(scope="module")
def model(folders) -> Path:
    return folders("classify")[1]


@pytest.fixture(scope="module")
def watched(model, tmp_path_factory) -> tuple[Path, Path]:
    """A model that tells how it is called, and where it does."""
    folder = tmp_path_factory.mktemp("watched")
    return watched_model.write(model, folder / "model", folder / "calls"), folder / "calls"


# --- answers -----------------------------------------------------------------------------


def test_answers_are_those_of_predict_in_order_and_each_text_is_asked_once(
    watched, model, tmp_path
):
    inputs = write_inputs(tmp_path / "in")
    flags = ("--part_rows=20", f"--input={tmp_path}/in/more/*", "--top=2")
    watched[1].unlink(missing_ok=True)
    ran = run(watched[0], f"{tmp_path}/in/*", tmp_path / "out", *flags)
    assert ran.returncode == 0, ran.stderr
    expected = {}
    for path, name in zip(
        inputs, ("a.txt", "more__a.csv", "more__b.tsv", "c.jsonl.gz"), strict=True
    ):
        predict_file(load_predictor(model), path, tmp_path / "expected.jsonl", top=2)
        expected[name] = [json.loads(line) for line in (tmp_path / "expected.jsonl").open()]
        found = rows_of(tmp_path / "out", name)
        assert [line["row"] for line in found] == list(range(len(found)))
        for line, other in zip(found, expected[name], strict=True):
            assert line.get("error") == other.get("error")
            assert line.get("mood", {}).get("label") == other.get("mood", {}).get("label")
        for line, other in zip(numbers(found), numbers(expected[name]), strict=True):
            np.testing.assert_allclose(line, other, atol=1e-5)

    record = json.loads((tmp_path / "out" / "batch.json").read_text("utf-8"))
    calls = watched_model.asked(watched[1])
    rows = [line for lines in expected.values() for line in lines]
    unreadable = sum("error" in line for line in rows)
    assert record["counts"]["answered"] == len(rows) - unreadable
    assert record["counts"]["unreadable"] == unreadable == 4
    # 50 texts of txt and csv each, of which some are the same, "last" and "我的卡".
    assert sum(calls) == record["counts"]["distinct"] == 2 * len(distinct_texts()) + 2
    assert record["versions"]["apache-beam"] == "2.77.0"
    letters = [
        json.loads(line)
        for path in sorted((tmp_path / "out").glob("unanswered-*"))
        for line in path.open(encoding="utf-8")
    ]
    assert [(Path(one["file"]).name, one["line"]) for one in letters] == [
        ("a.txt", 51),
        ("a.txt", 52),
        ("c.jsonl.gz", 52),
        ("c.jsonl.gz", 53),
    ]
    assert letters[0]["reason"] == "invalid UTF-8"
    written = b"".join(tree(tmp_path / "out").values()) + ran.stderr.encode()
    assert not any(word in written for word in (b"thanks", "我的卡".encode(), b"ken", b"half"))


def distinct_texts() -> set[str]:
    words = ["good", "late", "card", "order", "my", "thanks"]
    return {f"{words[n % 6]} {words[n % 5]} {words[n % 4]}" for n in range(50)}


def test_a_text_that_the_model_fails_at_goes_to_the_dead_letters(watched, tmp_path):
    source = tmp_path / "in.txt"
    source.write_text("good\nboom\nlate\nboom\n", "utf-8")
    ran = run(watched[0], source, tmp_path / "out")
    assert ran.returncode == 0, ran.stderr
    assert "2 rows answered, 0 unreadable, 2 failed" in ran.stderr
    lines = rows_of(tmp_path / "out", "in.txt")
    assert ["mood" in line for line in lines] == [True, False, True, False]
    letters = (tmp_path / "out" / "unanswered-in.txt-00000.jsonl").read_text("utf-8")
    assert [json.loads(line)["line"] for line in letters.splitlines()] == [2, 4]
    assert {json.loads(line)["kind"] for line in letters.splitlines()} == {"failed"}
    assert "boom" not in letters + ran.stderr


def test_storage_that_is_not_local_gives_the_same_bytes(model, tmp_path):
    write_inputs(tmp_path / "in")
    here = run(model, f"{tmp_path}/in/more/*", tmp_path / "here", "--part_rows=20")
    assert here.returncode == 0, here.stderr
    (tmp_path / "served").symlink_to(model)
    flags = command("bucket://served", "bucket://in/more/*", "bucket://there", "--part_rows=20")
    there = subprocess.run(
        [str(PYTHON), str(BUCKET), *flags[3:]], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "BUCKETS": str(tmp_path), "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert there.returncode == 0, there.stderr
    assert tree(tmp_path / "there" / "answers") == tree(tmp_path / "here" / "answers")
    record = json.loads((tmp_path / "there" / "batch.json").read_text("utf-8"))
    assert list(record["rows"]) == ["bucket://in/more/a.csv", "bucket://in/more/b.tsv"]


# --- killed, and run again ---------------------------------------------------------------


def test_killed_and_run_again_it_writes_the_same_bytes_and_no_part_twice(model, tmp_path):
    inputs = write_inputs(tmp_path / "in")
    flags = ("--part_rows=5", "--wave_rows=10", *(f"--input={path}" for path in inputs[1:]))
    whole = run(model, inputs[0], tmp_path / "whole", *flags)
    assert whole.returncode == 0, whole.stderr

    out = tmp_path / "out"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            command(model, inputs[0], out, *flags), cwd=ROOT, stderr=log, start_new_session=True
        )
    while not list((out / "answers").glob("*.jsonl")):
        assert process.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in (out / "answers").glob("*.jsonl")}
    complete = tree(tmp_path / "whole")
    assert 0 < len(before) < len([name for name in complete if name.startswith("answers/")])
    assert {path.name: path.read_bytes() for path in before}.items() <= {
        name.removeprefix("answers/"): content for name, content in complete.items()
    }.items()
    (out / "answers" / ".a.txt-00003.jsonl.0123.partial").write_text('{"row": 15, "mo')

    again = run(model, inputs[0], out, *flags)
    assert again.returncode == 0, again.stderr
    assert tree(out) == complete
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_part_that_is_gone_is_answered_again_alone(model, tmp_path):
    source = write_inputs(tmp_path / "in")[0]
    flags = ("--part_rows=10", "--wave_rows=20")
    assert run(model, source, tmp_path / "out", *flags).returncode == 0
    complete = tree(tmp_path / "out")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/answers").iterdir()}
    gone = tmp_path / "out/answers/a.txt-00003.jsonl"
    gone.unlink()
    (tmp_path / "out/unanswered-a.txt-00003.jsonl").write_text("of an earlier run\n")
    again = run(model, source, tmp_path / "out", *flags)
    assert again.stderr.splitlines()[0] == "wave 2 of 3 is answered"
    assert tree(tmp_path / "out") == complete
    changed = [path for path, before in times.items() if path.stat().st_mtime_ns != before]
    assert changed == [gone]


# --- refused -----------------------------------------------------------------------------


def test_what_is_wrong_is_one_sentence_and_nothing_is_answered(model, folders, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("id,body\n1,good\n", "utf-8")
    out = tmp_path / "out"

    def refused(*arguments) -> str:
        ran = run(*arguments)
        assert ran.returncode == 2, ran.stderr
        assert not (out / "answers").exists()
        return one_sentence(ran.stderr)

    assert refused(model, source, out).startswith(f"{source}: has no column 'text'")
    source.write_text("id,text\n1,good\n", "utf-8")  # put right, the same command goes on
    assert "matches no file" in refused(model, f"{tmp_path}/*.json", out)
    assert refused(model, "nowhere://in/*", out).startswith("nowhere://in/*: cannot be reached (")
    assert refused("nowhere://m", source, out).startswith("nowhere://m/manifest.json: cannot be")
    assert "is no exported model" in refused(folders("classify")[0], source, out)
    assert "Unexpected pipeline runner: Nope" in refused(model, source, out, "--option=runner=Nope")
    assert "invalid int" in refused(model, source, out, "--option=direct_num_workers=x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    assert "name a new folder" in refused(model, source, tmp_path / "full")
    assert run(model, source, out).returncode == 0
    changed = run(model, source, out, "--top=1")
    assert (changed.returncode, one_sentence(changed.stderr)) == (
        2,
        f"--output={out}: was begun with --top=5, not 1; name a new folder, or give what it was "
        "begun with",
    )


def test_a_fast_form_answers_as_predict_does(form, tmp_path):
    """LiteRT, without TensorFlow: to its own last digits, whatever texts share a call."""
    model, out = form("classify", "litert"), tmp_path / "out"
    source = write_inputs(tmp_path / "in")[0]
    done = run(model, source, out)
    assert done.returncode == 0, done.stderr
    predict_file(load_predictor(model), source, tmp_path / "expected.jsonl", top=5)
    expected = [json.loads(line) for line in (tmp_path / "expected.jsonl").open(encoding="utf-8")]
    found = rows_of(out, "a.txt")
    assert [row.get("error") for row in found] == [row.get("error") for row in expected]
    for one, other in zip(numbers(found), numbers(expected), strict=True):
        assert one == pytest.approx(other, abs=1e-5)
