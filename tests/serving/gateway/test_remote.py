"""The gateway before another server: TensorFlow Serving's stand-in, on its real stubs."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import grpc
import numpy as np
import pytest
import stand_in

from tfsocial.errors import InputError
from tfsocial.serving.gateway.backends import remote
from tfsocial.serving.gateway.backends.remote import TFServingBackend
from tfsocial.serving.gateway.load.batcher import Limits
from tfsocial.serving.gateway.models import ServedModel
from tfsocial.serving.gateway.problems import Problem
from tfsocial.serving.loading import load_predictor

TEXTS = [("my card is good",), ("",), ("it is late",), ("我的卡在哪里",)]


@pytest.fixture(scope="module")
def session(folders):
    return stand_in.Session(folders("classify")[1])


@pytest.fixture
def manifests(folders, tmp_path) -> Path:
    """A folder of versions that has the manifest alone; the server has the graph."""
    (tmp_path / "mood" / "1").mkdir(parents=True)
    shutil.copy(folders("classify")[1] / "manifest.json", tmp_path / "mood" / "1")
    return tmp_path / "mood"


def ask(address: str, folder: Path, model: str = "tickets", texts=TEXTS, seconds: float = 20):
    """What the model says through a gateway's line."""

    def make(version: Path):
        return TFServingBackend(version, address, model)

    async def asked():
        served = ServedModel("mood", folder, make, Limits())
        version = await served.load()
        try:
            return await version.batcher(texts, [8] * len(texts), "acme", seconds)
        finally:
            await served.unload()

    return asyncio.run(asked())


def test_it_gives_the_answers_of_the_model(session, manifests, folders):
    """Loading has asked the golden requests too, so a wrong model would be found there."""
    own = load_predictor(folders("classify")[1])(TEXTS)
    with stand_in.grpc_server("tickets", session) as (address, _):
        found = ask(address, manifests)
    np.testing.assert_allclose(found.tasks["mood"], own.tasks["mood"], atol=1e-5)
    np.testing.assert_allclose(found.embedding, own.embedding, atol=1e-5)


def test_what_it_sheds_is_asked_again(session, manifests):
    with stand_in.grpc_server("tickets", session) as (address, servicer):

        async def asked():
            made = TFServingBackend(manifests / "1", address, "tickets")
            served = ServedModel("mood", manifests, lambda _: made, Limits())
            version = await served.load()
            full = grpc.StatusCode.RESOURCE_EXHAUSTED
            servicer.failing += [full, grpc.StatusCode.UNAVAILABLE, full]
            found = await version.batcher(TEXTS, [8] * len(TEXTS), "acme", 20)
            servicer.failing += [full] * 10
            with pytest.raises(Problem, match="not to be reached") as problem:
                await version.batcher(TEXTS, [8] * len(TEXTS), "acme", 20)
            servicer.failing.clear()
            servicer.failing.append(grpc.StatusCode.INVALID_ARGUMENT)
            with pytest.raises(Problem, match="INVALID_ARGUMENT") as refused:
                await version.batcher(TEXTS, [8] * len(TEXTS), "acme", 20)
            await served.unload()
            return found, problem.value, refused.value

        found, problem, refused = asyncio.run(asked())
    assert len(found.embedding) == len(TEXTS)
    assert (problem.status, refused.status) == (503, 502)


def test_another_model_is_not_taken(session, folders, tmp_path):
    """Its golden answers are others: the manifest is not that of the model behind the name."""
    (tmp_path / "1").mkdir()
    shutil.copy(folders("scope")[1] / "manifest.json", tmp_path / "1")
    with (
        stand_in.grpc_server("tickets", session) as (address, _),
        pytest.raises(InputError, match="its answers differ"),
    ):
        ask(address, tmp_path)


def test_a_model_that_the_server_has_not_is_named(session, manifests):
    with (
        stand_in.grpc_server("tickets", session) as (address, _),
        pytest.raises(InputError, match="NOT_FOUND"),
    ):
        ask(address, manifests, "other")


def test_a_server_that_is_not_there_is_named(manifests, unused_port, monkeypatch):
    monkeypatch.setattr(remote, "READY", 1.0)
    with pytest.raises(InputError, match=f"127.0.0.1:{unused_port}: does not answer"):
        ask(f"127.0.0.1:{unused_port}", manifests)
