"""Asks SavedModels what their manifests ask, in the runtime this is started with.

    python ask_golden.py SAVED_MODEL...

Both as `tf.saved_model.load` and in a session of TensorFlow 1, which is how TensorFlow Serving
loads and runs a graph. Prints a line of JSON a model: the runtime's versions and, by the way it was
loaded, by how much an answer differs at most from the manifest's. Knows nothing of tfsocial.
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text


def by_object(folder, columns):
    signature = tf.saved_model.load(folder).signatures["serving_default"]
    answers = signature(**{name: tf.constant(texts) for name, texts in columns.items()})
    return {name: value.numpy() for name, value in answers.items()}


def by_session(folder, columns):
    v1 = tf.compat.v1
    with v1.Session(graph=tf.Graph()) as session:
        loaded = v1.saved_model.loader.load(session, ["serve"], folder)
        signature = loaded.signature_def["serving_default"]
        feeds = {signature.inputs[name].name: texts for name, texts in columns.items()}
        return session.run({name: out.name for name, out in signature.outputs.items()}, feeds)


def difference(answers, golden, several):
    pairs = [(answers["embedding"], golden["embedding"])]
    for task, values in golden["tasks"].items():
        beginning = task + "_" if several else ""
        found = answers.get(beginning + "probabilities")
        found = answers[beginning + "value"][:, None] if found is None else found
        pairs.append((found, values))
    return max(float(np.abs(one - np.array(other)).max()) for one, other in pairs)


for folder in sys.argv[1:]:
    manifest = json.loads((Path(folder) / "manifest.json").read_text("utf-8"))
    golden = manifest["golden"]
    transposed = [list(column) for column in zip(*golden["requests"], strict=True)]
    columns = dict(zip(["text", "text_pair"], transposed, strict=False))
    line = {"tensorflow": tf.__version__, "tensorflow_text": tensorflow_text.__version__}
    for name, ask in (("object", by_object), ("session", by_session)):
        answers = ask(folder, columns)
        line[name] = difference(answers, golden["answers"], len(manifest["model"]["tasks"]) > 1)
    print(json.dumps(line), flush=True)
