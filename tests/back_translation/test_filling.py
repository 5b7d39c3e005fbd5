"""From a config to paraphrases in the batches: `augment`, the filter by M0, a kill midway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import tiny_run

from tfsocial import __main__
from tfsocial.back_translation import filling
from tfsocial.back_translation.similarity import SemanticSimilarity
from tfsocial.checkpoints import community
from tfsocial.config import Config, parse
from tfsocial.data import corpus
from tfsocial.data.augment import chain
from tfsocial.errors import InputError
from tfsocial.runs import paraphrases
from tfsocial.runs.prepare import Prepared, prepare
from tfsocial.text import batch as keys
from tfsocial.training import devices

# In the words of the tiny vocabulary; of "my order is broken" there is only a copy.
PAIRS = [
    ("the card is late", "late is the card"),
    ("the card is late", "my card it is late"),
    ("nice order", "order nice thanks"),
    ("my card is good thanks", "good card thanks"),
    ("my order is broken", "my order is broken"),
]
LONGEST = 120  # seconds after which something is wrong


@pytest.fixture
def moods(tmp_path):
    folder = tiny_run.write_moods(tmp_path / "moods")
    tiny_run.write_csv(folder / "pairs.csv", ("text", "paraphrase"), PAIRS)
    return folder


def section(folder, **knobs) -> str:
    """`data.back_translation=...` of the file of pairs."""
    values = {"translator": "pairs", "file": "pairs.csv", "licence": "MIT"}
    values |= {"cache": str(folder / "cache"), "similarity": None, **knobs}
    return f"data.back_translation={json.dumps(values)}"


def filled(chosen: Config) -> filling.Filled:
    return filling.fill(chosen.data, chosen.model, chosen.tasks, chosen.seed)


def ready_for(chosen: Config, workdir) -> Prepared:
    """A run that waits for its first step."""
    return prepare(chosen, workdir, devices.choose("cpu", chosen.training))


MIX = "data.augment=[{back_translation: {probability: 0.5}}]"


class TestPairs:
    """The file of pairs, end to end."""

    def run(self, capsys, *arguments: str) -> tuple[int, str]:
        code = __main__.main(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out if code == 0 else captured.err

    def test_augment_then_batches_hold_the_paraphrases(self, moods, tmp_path, capsys):
        """Counts, then the same again without a new one, then a run reads them."""
        path = tiny_run.write_config(moods, section(moods), MIX)
        code, out = self.run(capsys, "augment", f"--config={path}")
        assert code == 0
        assert out.splitlines() == [
            "4 texts of train, up to 2 paraphrases each",
            "5 paraphrases made; asked for now: 8",
            "       4 kept",
            "       0 dropped, too near",
            "       0 dropped, too far",
            "       1 dropped, copies of the text",
            "       0 dropped, made before of the same text",
            "       3 without a paraphrase",
        ]
        code, out = self.run(capsys, "augment", f"--config={path}", "--show=1")
        assert "5 paraphrases made; asked for now: 0" in out
        assert out.splitlines()[-3:] == ["", "my card is good thanks", "  good card thanks"]
        code, out = self.run(capsys, "show-augment", f"--config={path}", "--epochs=8")
        assert ": late is the card" in out

        chosen = tiny_run.settings(moods, section(moods), MIX, "training.epochs=2")
        run = tiny_run.train(chosen, tmp_path / "run")
        assert run.steps > 0
        ready = ready_for(chosen, tmp_path)
        read = self.texts(ready, steps=8 * ready.epoch_steps)
        given = {text for text, _ in tiny_run.MOODS}
        kept = {new for text, new in PAIRS if new != text}
        assert set(read) == given | kept
        fewer = tiny_run.settings(moods, section(moods, count=1), MIX)
        assert ready_for(fewer, tmp_path).texts.fingerprint != ready.texts.fingerprint
        mixed = sum(read[text] for text in kept) / read.total()
        assert mixed == pytest.approx(0.5 * 3 / 4, abs=0.15)

    def texts(self, ready, steps: int) -> Counter:
        """How often each text stands in the first batches, by the words of the vocabulary."""
        words, found = ready.tokenizer.vocabulary, Counter()
        for batch in ready.training_batches().take(steps):
            tokens, segments = batch[keys.TOKEN_IDS].numpy(), batch[keys.SEGMENT_IDS].numpy()
            for row, own in zip(tokens, segments, strict=True):
                for segment in range(1, own.max() + 1):
                    ids = ready.texts.words[row[own == segment]][1:-1]
                    found[" ".join(words[token] for token in ids)] += 1
        return found

    def test_the_translator_is_on_record_and_its_licence_checked(self, moods, tmp_path, capsys):
        """provenance.json names it with its hash; an unknown licence is refused before step one."""
        path = tiny_run.write_config(moods, section(moods), MIX)
        assert self.run(capsys, "augment", f"--config={path}")[0] == 0
        ready_for(tiny_run.settings(moods, section(moods), MIX), tmp_path)
        record = json.loads((tmp_path / "provenance.json").read_text("utf-8"))
        (found,) = [one for one in record["resources"] if one["role"] == "translator"]
        assert found["name"] == str(moods / "pairs.csv")
        assert found["licence"] == "MIT"
        assert len(found["sha256"]) == 64
        unknown = tiny_run.settings(moods, section(moods, licence="unknown"), MIX)
        for refused in (lambda: filled(unknown), lambda: ready_for(unknown, tmp_path)):
            with pytest.raises(InputError, match=r"data\.back_translation\.licence: nothing says"):
                refused()

    def test_without_augment_a_run_says_what_to_do(self, moods, tmp_path):
        """Before the data is read."""
        with pytest.raises(InputError, match="run python -m tfsocial augment with this config"):
            ready_for(tiny_run.settings(moods, section(moods), MIX), tmp_path)

    def test_an_untrained_m0_judges_nothing(self, moods):
        """Its cosines would be chance."""
        chosen = tiny_run.settings(moods, section(moods, similarity=[0.7, 0.98]))
        with pytest.raises(InputError, match="an untrained M0 cannot tell what is similar"):
            filled(chosen)


class TestSimilarity:
    """By the default M0."""

    @pytest.fixture(scope="class")
    def likeness(self) -> SemanticSimilarity:
        chosen = parse({})
        return SemanticSimilarity.of(chosen.model, community.of_config(chosen.model))

    def test_by_hand(self, likeness):
        """A copy is 1, a paraphrase near, something else far; each pair on its own."""
        texts = ["my card has not arrived"] * 3 + ["I lost my phone"]
        others = [texts[0], "the card I ordered has not come yet", "what a sunny day", texts[0]]
        copy, near, far, other = likeness(texts, others)
        assert copy == pytest.approx(1.0, abs=1e-5)
        assert 0.7 < near < 0.98
        assert far < 0.3
        assert other < 0.7
        assert likeness(texts[:1], others[1:2])[0] == pytest.approx(near, abs=1e-5)

    def test_filters(self, tmp_path, monkeypatch):
        """augment drops and counts by the bounds; a run with the same M0 reads what is left."""
        new = [
            "the card I ordered has not come yet",
            "what a sunny day",
            "MY card has not arrived",  # M0 does not tell capitals
        ]
        text = "my card has not arrived"
        rows = [(text, paraphrase) for paraphrase in new]
        tiny_run.write_csv(tmp_path / "pairs.csv", ("text", "paraphrase"), rows)
        tiny_run.write_csv(tmp_path / "train.csv", ("text", "label"), [(text, "a"), ("hi", "b")])
        chosen = {
            "licence": "MIT",
            "root": str(tmp_path),
            "splits": {"train": "train.csv"},
            "augment": ["back_translation"],
            "back_translation": {
                "translator": "pairs",
                "file": "pairs.csv",
                "licence": "MIT",
                "cache": str(tmp_path / "cache"),
                "count": 3,
                "similarity": [0.6, 0.97],
            },
        }
        config = parse({"data": chosen})
        judged = filled(config).judged
        assert judged.paraphrases == {text: (new[0],)}
        assert judged.counts == {"kept": 1, "far": 1, "near": 1, "none": 3}
        monkeypatch.setattr(SemanticSimilarity, "of", None)  # measured once, by this M0
        assert filled(config).new == 0
        m0 = community.of_config(config.model)
        train = corpus.load_corpus(config.data, config.tasks, config.seed).splits["train"]
        views = chain.build(config.data, config.seed)
        mixed = paraphrases.of_run(config.data, config.model, views, m0, train)
        assert mixed.paraphrases == (new[0],)


class Slow(BaseHTTPRequestHandler):
    """Translates a text to itself with a mark, slowly, and remembers what was asked."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.extend((text, asked["draw"]) for text in asked["texts"])
        time.sleep(self.server.pause)
        answer = {"translations": [f"{text} {asked['draw']}" for text in asked["texts"]]}
        self.send_response(200)
        self.end_headers()
        try:
            self.wfile.write(json.dumps(answer).encode())
        except ConnectionError:
            return  # the one who asked was killed

    def log_message(self, *_):
        """Nothing on stderr."""


@pytest.fixture
def service():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.asked, server.pause = [], 0.05
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.long
def test_killed_in_the_middle_nothing_is_lost_nor_asked_twice(service, tmp_path):
    """SIGKILL while a service answers; started again, only what was under way is asked anew."""
    rows = [(f"text number {number}", "happy" if number % 2 else "sad") for number in range(40)]
    moods = tiny_run.write_moods(tmp_path / "moods")
    tiny_run.write_csv(moods / "train.csv", ("text", "label"), rows)
    batch = 3
    address = f"http://127.0.0.1:{service.server_port}/"
    knobs = {"translator": "http", "url": address, "batch": batch, "retries": 0}
    values = {"cache": str(tmp_path / "cache"), "similarity": None, "licence": "MIT", **knobs}
    path = tiny_run.write_config(moods, f"data.back_translation={json.dumps(values)}")
    command = [sys.executable, "-m", "tfsocial", "augment", f"--config={path}"]

    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    began = time.monotonic()
    while len(service.asked) < 30 and child.poll() is None and time.monotonic() - began < LONGEST:
        time.sleep(0.002)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    time.sleep(4 * service.pause)  # the answer that nobody waits for any more
    before = len(service.asked)
    assert 30 <= before < 2 * len(rows)

    ended = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert ended.returncode == 0, ended.stderr
    counts = Counter(service.asked)
    assert set(counts) == {(text, draw) for text, _ in rows for draw in (0, 1)}
    twice = [asked for asked, times in counts.items() if times > 1]
    assert len(twice) <= batch
    assert set(twice) <= set(service.asked[before - batch : before])
    assert f"80 paraphrases made; asked for now: {80 - before + len(twice)}" in ended.stdout
