"""What each dialect answers over HTTP, before a model whose numbers are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from letters import numbers_of

from tfsocial.serving.open_inference import strings

TEXTS = ["where is my card", "", "我的卡在哪里？", "🙂"]
V2 = "/v2/models/mood"


def expected(texts: list[str]) -> np.ndarray:
    return np.stack([numbers_of(text) for text in texts])


def v2_body(texts: list[str], **more) -> dict:
    tensor = {"name": "text", "shape": [len(texts), 1], "datatype": "BYTES", "data": texts}
    return {"inputs": [tensor], **more}


def v2_outputs(values: dict) -> dict[str, np.ndarray]:
    return {one["name"]: np.array(one["data"]).reshape(one["shape"]) for one in values["outputs"]}


# --- the gateway's own ---------------------------------------------------------------------


def test_texts_are_classified(house):
    there = house()
    response = there.post("/v1/classify", {"texts": TEXTS, "top": 1}, there.key())
    said = response.json()
    assert (said["model"], said["version"]) == ("mood", "7")
    for text, answer in zip(TEXTS, said["answers"], strict=True):
        good, bad = numbers_of(text)
        label = "good" if good >= bad else "bad"
        ((name, probability),) = answer["mood"]["probabilities"].items()
        assert answer["mood"]["label"] == name == label
        assert probability == pytest.approx(max(good, bad))


def test_texts_are_embedded_and_compared(house):
    there = house()
    key = there.key()
    vectors = there.post("/v1/embed", {"texts": TEXTS}, key).json()["embeddings"]
    np.testing.assert_allclose(vectors, expected(TEXTS))
    said = there.post("/v1/similar", {"query": "a", "texts": TEXTS}, key).json()["similar"]
    units = expected(["a", *TEXTS])
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    cosines = units[1:] @ units[0]
    assert [one["index"] for one in said] == np.argsort(-cosines, kind="stable").tolist()
    np.testing.assert_allclose(
        [one["similarity"] for one in said], np.sort(cosines)[::-1], rtol=1e-5
    )


def test_models_are_listed(house):
    there = house()
    (model,) = there.get("/v1/models", there.key()).json()["models"]
    assert model == {
        "name": "mood",
        "version": "7",
        "columns": ["text"],
        "tasks": {"mood": ["good", "bad"]},
    }
    assert there.get("/v1/models", there.key(models=["other"])).json()["models"] == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "texts: Field required"),
        ({"texts": []}, "texts: "),
        ({"texts": "one"}, "texts: "),
        ({"texts": [1]}, "texts.0"),
        ({"texts": [["a", "b"]]}, "texts[0]: has 2 parts, and this model reads 1 (text)"),
        ({"texts": ["a"], "model": "other"}, "model 'other': is not served here"),
        ({"texts": ["a"], "version": "8"}, "version '8' does not answer, 7 does"),
        ({"texts": ["a"], "txets": 1}, "txets: Extra inputs are not permitted"),
        ({"texts": ["a"] * 9}, "texts: 9 at once, above 8; send fewer"),
        ({"texts": ["a" * 101]}, "texts[0]: has above 100 characters"),
    ],
)
def test_what_is_wrong_is_said(house, body, says):
    there = house(load={"texts": 8, "characters": 100})
    response = there.post("/v1/classify", body, there.key())
    assert 400 <= response.status_code < 500
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert says in problem["detail"]
    assert problem["status"] == response.status_code


@pytest.mark.parametrize("body", [b"", b"{", b"[1", b"\xff\xfe", b"[" * 100_000, b"NaN", b'"a"'])
@pytest.mark.parametrize("path", ["/v1/classify", f"{V2}/infer", "/v1/models/mood:predict"])
def test_what_is_no_json_is_refused(house, path, body):
    there = house()
    headers = {**there.key(), "Content-Type": "application/json"}
    (response,) = there.ask(("POST", path, {"content": body, "headers": headers}))
    assert response.status_code == 400, response.text


def test_halves_of_characters_are_left_out(house):
    there = house()
    content = b'{"texts": ["a\\ud83db"]}'
    headers = {**there.key(), "Content-Type": "application/json"}
    (response,) = there.ask(("POST", "/v1/classify", {"content": content, "headers": headers}))
    assert response.status_code == 200
    assert there.backend.batches == [["ab"]]


def test_a_caller_may_say_how_long_it_waits(house):
    there = house()
    headers = {**there.key(), "Request-Timeout": "soon"}
    response = there.post("/v1/classify", {"texts": ["a"]}, headers)
    assert "Request-Timeout" in response.json()["detail"]


def test_personal_data_does_not_reach_a_model_that_masks(house):
    there = house(mask=True)
    there.post("/v1/classify", {"texts": ["ask ann@example.com for it"]}, there.key())
    assert there.backend.batches == [["ask [MAIL] for it"]]


# --- KServe's V2 protocol ------------------------------------------------------------------


def test_v2_answers_with_the_outputs_of_the_signature(house):
    there = house()
    said = there.post(f"{V2}/infer", v2_body(TEXTS, id="9"), there.key()).json()
    assert (said["model_name"], said["model_version"], said["id"]) == ("mood", "7", "9")
    outputs = v2_outputs(said)
    np.testing.assert_allclose(outputs["probabilities"], expected(TEXTS))
    np.testing.assert_allclose(outputs["embedding"], expected(TEXTS))
    best = np.array(["good", "bad"])[expected(TEXTS).argmax(1)]
    assert outputs["label"][:, 0].tolist() == best.tolist()
    assert outputs["top_labels"][:, 0].tolist() == best.tolist()


def test_v2_outputs_may_be_chosen(house):
    there = house()
    body = v2_body(["a"], outputs=[{"name": "label"}])
    said = there.post(f"{V2}/versions/7/infer", body, there.key()).json()
    assert [one["name"] for one in said["outputs"]] == ["label"]


def test_v2_strings_may_come_and_go_as_bytes(house):
    """Triton's binary extension, both ways."""
    there = house()
    packed = strings.pack(text.encode() for text in TEXTS)
    tensor = {
        "name": "text",
        "shape": [len(TEXTS), 1],
        "datatype": "BYTES",
        "parameters": {"binary_data_size": len(packed)},
    }
    wanted = [
        {"name": "probabilities", "parameters": {"binary_data": True}},
        {"name": "label", "parameters": {"binary_data": True}},
        {"name": "out_of_distribution"},
    ]
    head = json.dumps({"inputs": [tensor], "outputs": wanted}).encode()
    headers = {**there.key(), "Inference-Header-Content-Length": str(len(head))}
    (response,) = there.ask(("POST", f"{V2}/infer", {"content": head + packed, "headers": headers}))
    length = int(response.headers["inference-header-content-length"])
    said = {one["name"]: one for one in json.loads(response.content[:length])["outputs"]}
    binary = response.content[length:]
    size = said["probabilities"]["parameters"]["binary_data_size"]
    found = np.frombuffer(binary[:size], "<f4").reshape(said["probabilities"]["shape"])
    np.testing.assert_allclose(found, expected(TEXTS))
    best = np.array(["good", "bad"])[expected(TEXTS).argmax(1)]
    assert [one.decode() for one in strings.unpack(binary[size:])] == best.tolist()
    assert "data" in said["out_of_distribution"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "inputs"),
        ({}, "inputs: has to be a list"),
        ({"inputs": [{"name": "txt", "shape": [1], "datatype": "BYTES", "data": ["a"]}]}, "text"),
        ({"inputs": [{"name": "text", "shape": [1], "datatype": "FP32", "data": [1]}]}, "BYTES"),
        ({"inputs": [{"name": "text", "shape": [2], "datatype": "BYTES", "data": ["a"]}]}, "shape"),
        ({"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": [1]}]}, "strings"),
        ({"inputs": [{"name": "text", "shape": "x", "datatype": "BYTES", "data": ["a"]}]}, "shape"),
        ({"inputs": [1]}, "inputs: has to be a list of objects"),
        ({**v2_body(["a"]), "outputs": [{"name": "logits"}]}, "'logits' is none"),
        ({**v2_body(["a"]), "outputs": 3}, "outputs: has to be a list"),
        ({**v2_body(["a"]), "id": 3}, "id: has to be a string"),
        ({**v2_body(["a"]), "parameters": {"timeout": -1}}, "parameters.timeout"),
    ],
)
def test_v2_says_what_is_wrong(house, body, says):
    there = house()
    response = there.post(f"{V2}/infer", body, there.key())
    assert response.status_code == 400
    assert says in response.json()["error"]


def test_v2_describes_itself(house):
    there = house()
    key = there.key()
    assert "binary_tensor_data" in there.get("/v2", key).json()["extensions"]
    said = there.get(V2, key).json()
    assert said["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1, 1]}]
    shapes = {one["name"]: (one["datatype"], one["shape"]) for one in said["outputs"]}
    assert shapes["probabilities"] == ("FP32", [-1, 2])
    assert shapes["label"] == ("BYTES", [-1, 1])
    assert there.get(f"{V2}/ready", key).status_code == 200
    assert there.get(f"{V2}/versions/3/ready", key).status_code == 404
    assert there.get("/v2/models/other", key).status_code == 404


def test_v2_health_needs_no_key_and_a_full_line_is_healthy(house):
    there = house(load={"queue_tokens": 1})
    assert there.get("/v2/health/live").json() == {"live": True}
    assert there.get("/v2/health/ready").status_code == 200
    there.gateway.models.ending = True
    assert there.get("/v2/health/ready").status_code == 503


def test_v2_models_are_unloaded_by_who_may_manage_them(house):
    there = house()
    path = "/v2/repository/models/mood/unload"
    assert there.post(path, {}, there.key()).status_code == 403
    manager = there.key(verbs=["manage"])
    (listed,) = there.post("/v2/repository/index", {}, manager).json()
    assert (listed["name"], listed["version"], listed["state"]) == ("mood", "7", "READY")
    assert there.post(path, {}, manager).status_code == 200
    assert there.backend.stopped
    (listed,) = there.post("/v2/repository/index", {}, manager).json()
    assert listed["state"] == "UNAVAILABLE"
    assert there.post(f"{V2}/infer", v2_body(["a"]), there.key()).status_code == 404
    refused = there.post("/v2/repository/models/mood/load", {}, manager)
    assert "letters: is no exported version" in refused.json()["error"]


# --- TensorFlow Serving's ------------------------------------------------------------------


def test_tf_serving_clients_are_answered(house):
    there = house()
    key = there.key()
    rows = there.post("/v1/models/mood:predict", {"instances": TEXTS}, key).json()["predictions"]
    np.testing.assert_allclose([row["probabilities"] for row in rows], expected(TEXTS))
    body = {"inputs": {"text": TEXTS}}
    said = there.post("/v1/models/mood/versions/7:predict", body, key).json()["outputs"]
    np.testing.assert_allclose(said["probabilities"], expected(TEXTS))
    assert said["label"] == [row["label"] for row in rows]
    (status,) = there.get("/v1/models/mood", key).json()["model_version_status"]
    assert (status["version"], status["state"]) == ("7", "AVAILABLE")
    described = there.get("/v1/models/mood/metadata", key).json()["metadata"]["signature_def"]
    signature = described["signature_def"]["serving_default"]
    assert signature["inputs"]["text"]["dtype"] == "DT_STRING"
    assert signature["outputs"]["probabilities"]["tensor_shape"]["dim"][1]["size"] == "2"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"instances": []},
        {"instances": [1]},
        {"inputs": {"words": ["a"]}},
        {"instances": ["a"], "signature_name": "classify"},
    ],
)
def test_tf_serving_clients_hear_what_is_wrong(house, body):
    there = house()
    response = there.post("/v1/models/mood:predict", body, there.key())
    assert response.status_code == 400
    assert response.json()["error"]


# --- all of them ---------------------------------------------------------------------------


def test_nothing_is_at_other_paths(house):
    there = house()
    key = there.key()
    assert there.get("/", key).status_code == 404
    assert there.get("/docs", key).status_code == 404
    assert there.get("/v1/classify", key).status_code == 405
    assert there.get("/metrics", key).status_code == 404


def test_a_request_has_an_id_and_is_noted_without_its_texts(house):
    there = house()
    headers = {**there.key(), "X-Request-Id": "abc-1"}
    response = there.post("/v1/classify", {"texts": ["a secret text"]}, headers)
    assert response.headers["x-request-id"] == "abc-1"
    (seen,) = there.seen
    assert (seen.route, seen.model, seen.tenant) == ("/v1/classify", "mood", "acme")
    assert (seen.texts, seen.status, seen.request_id) == (1, 200, "abc-1")
    assert "secret text" not in str(seen)


def test_openapi_describes_what_there_is(house):
    said = house().get("/openapi.json").json()
    assert said["openapi"].startswith("3.1")
    assert {"/v1/classify", "/v1/embed", "/v1/similar", "/v1/models"} <= set(said["paths"])
    classify = said["paths"]["/v1/classify"]["post"]
    assert {"200", "400", "401", "403", "429", "503"} <= set(classify["responses"])
    assert said["security"] == [{"key": []}]
