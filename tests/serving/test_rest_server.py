"""The server to try a model with: TensorFlow Serving's words over real HTTP."""

from __future__ import annotations

import httpx
import numpy as np
import pytest

from tfsocial.serving.rest_server import MOST_BYTES, RestServer
from tfsocial.serving.saved_model import SavedModelPredictor
from tfsocial.serving.tf_serving.client import RestPredictor

TEXTS = ["my card is good", "", "我的卡在哪里", 'a "quoted" text']


@pytest.fixture(scope="module")
def server(folders):
    with RestServer(SavedModelPredictor(folders("three")[1]), "tickets") as running:
        yield running


def ask(server: RestServer, **request) -> httpx.Response:
    return httpx.post(f"{server.url}:predict", json=request)


def test_the_client_of_tensorflow_serving_is_answered(server, folders):
    """The numbers of the model, to the last bits that JSON keeps."""
    saved_model = folders("three")[1]
    own = SavedModelPredictor(saved_model)([(text,) for text in TEXTS])
    found = RestPredictor(server.url, saved_model)([(text,) for text in TEXTS])
    for task, values in own.tasks.items():
        np.testing.assert_allclose(found.tasks[task], values, atol=1e-6)
    np.testing.assert_allclose(found.embedding, own.embedding, atol=1e-6)


def test_rows_and_columns_say_the_same(server):
    """Bare strings, objects, or a column: in each form of the interface."""
    columns = ask(server, inputs={"text": TEXTS}).json()["outputs"]
    rows = ask(server, instances=TEXTS).json()["predictions"]
    objects = ask(server, instances=[{"text": text} for text in TEXTS]).json()["predictions"]
    assert rows == objects
    assert [row["mood_label"] for row in rows] == columns["mood_label"]
    np.testing.assert_allclose([row["stars_value"] for row in rows], columns["stars_value"])
    assert ask(server, instances=[]).json() == {"predictions": []}


def test_a_pair_takes_both(folders):
    with RestServer(SavedModelPredictor(folders("pair")[1]), "pairs") as server:
        both = {"text": ["good"], "text_pair": ["late"]}
        assert ask(server, inputs=both).status_code == 200
        assert ask(server, inputs={**both, "text": ["a", "b"]}).status_code == 400
        said = ask(server, inputs={"text": ["good"]})
        assert (said.status_code, "text and text_pair" in said.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "is no JSON"),
        (b"[]", "has to be"),
        (b'{"instances": ["a"], "inputs": {}}', "has to be"),
        (b'{"instances": "a"}', '"instances" has to be a list'),
        (b'{"instances": [3]}', "has to be a list of strings"),
        (b'{"inputs": {"texts": ["a"]}}', '"inputs" has to name text'),
        (b'{"inputs": {"text": "a"}}', "has to be a list of strings"),
        (b'{"instances": ["a"], "signature_name": "x"}', "this server has serving_default alone"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(server, body, said):
    response = httpx.post(f"{server.url}:predict", content=body)
    assert response.status_code == 400
    assert said in response.json()["error"]


def test_what_is_not_there_or_too_large_is_refused(server):
    assert httpx.get(server.url).json()["model_version_status"][0]["state"] == "AVAILABLE"
    assert httpx.get(f"{server.url}s").status_code == 404
    assert httpx.post(f"{server.url}:classify", json={}).status_code == 404
    large = {"instances": ["a" * MOST_BYTES]}
    assert ask(server, **large).status_code == 413
