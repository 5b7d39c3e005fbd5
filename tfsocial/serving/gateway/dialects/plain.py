"""The gateway's own interface: classify, embed and compare texts."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from tfsocial.serving.gateway.calls import Answered, Text
from tfsocial.serving.gateway.dialects.asking import Asking, seen_of
from tfsocial.serving.gateway.problems import KINDS, Problem
from tfsocial.serving.predictor import describe

EXAMPLE = "Where is my parcel?"
Pair = Annotated[list[str], Field(min_length=2, max_length=2)]
Texts = Annotated[
    list[str | Pair],
    Field(
        min_length=1,
        description="Texts, or pairs for a model of two columns.",
        examples=[[EXAMPLE]],
    ),
]


class Body(BaseModel):
    """What every request names."""

    model_config = ConfigDict(extra="forbid")
    model: str = Field("", description="Left out where one is served.", max_length=100)
    version: str = Field("", description="Left out, the one that answers now.", max_length=20)


class ClassifyRequest(Body):
    texts: Texts
    top: int = Field(5, ge=0, le=1000, description="Labels listed at the most; 0 lists all.")


class EmbedRequest(Body):
    texts: Texts


class SimilarRequest(Body):
    query: str = Field(examples=["lost parcel"])
    texts: Annotated[list[str], Field(min_length=1, examples=[[EXAMPLE]])]


class Reply(BaseModel):
    """What every answer says."""

    model: str
    version: str
    tokens: int = Field(description="That the quota was charged.")


class ClassifyReply(Reply):
    answers: list[dict[str, Any]] = Field(
        description="One a text: task -> label and probabilities, or value."
    )


class EmbedReply(Reply):
    embeddings: list[list[float]]


class Similar(BaseModel):
    index: int = Field(description="Of the text in the request.")
    similarity: float = Field(description="Cosine, -1 to 1.")


class SimilarReply(Reply):
    similar: list[Similar] = Field(description="All texts, the most alike first.")


class ModelReply(BaseModel):
    name: str
    version: str
    columns: list[str]
    tasks: dict[str, list[str]] = Field(description="Task -> labels; none of a regression.")


class ModelsReply(BaseModel):
    models: list[ModelReply]


class ProblemReply(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str


ANSWERS: dict[int | str, dict[str, Any]] = {
    kind.status: {
        "description": kind.title,
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemReply"}}
        },
    }
    for kind in KINDS.values()
}


class Plain:
    """The routes, from what answers."""

    def __init__(self, asking: Asking):
        self._asking = asking
        self.router = APIRouter(prefix="/v1", responses=ANSWERS)
        self.router.get("/models", summary="What may be asked")(self.models)
        self.router.post("/classify", summary="Label texts")(self.classify)
        self.router.post("/embed", summary="Turn texts into vectors")(self.embed)
        self.router.post("/similar", summary="Sort texts by likeness to one")(self.similar)

    async def models(self, request: Request) -> ModelsReply:
        """List the models that the caller may ask."""
        seen_of(request).route = "/v1/models"
        caller = self._asking.caller(request)
        found = [
            ModelReply(
                name=model.name,
                version=str(model.current.number),
                columns=list(model.current.manifest.text_columns),
                tasks={name: list(s.labels) for name, s in model.current.manifest.tasks.items()},
            )
            for model in self._asking.calls.models
            if model.current and any(caller.may(verb, model.name) for verb in ("classify", "embed"))
        ]
        return ModelsReply(models=found)

    async def classify(
        self, request: Request, response: Response, body: ClassifyRequest
    ) -> ClassifyReply:
        """Label each text, with probabilities."""
        found = await self._asked(request, response, "classify", body, _texts(body.texts))
        manifest, tasks = found.version.manifest, found.predictions.tasks
        answers = [
            {
                task: describe(manifest, task, values[row], body.top)
                for task, values in tasks.items()
            }
            for row in range(len(body.texts))
        ]
        return ClassifyReply(**self._same(request, found), answers=answers)

    async def embed(self, request: Request, response: Response, body: EmbedRequest) -> EmbedReply:
        """Turn each text into a vector: the encoder's pooled output."""
        found = await self._asked(request, response, "embed", body, _texts(body.texts))
        vectors = found.predictions.embedding.tolist()
        return EmbedReply(**self._same(request, found), embeddings=vectors)

    async def similar(
        self, request: Request, response: Response, body: SimilarRequest
    ) -> SimilarReply:
        """Sort texts by how much they are like a query."""
        texts = _texts([body.query, *body.texts])
        found = await self._asked(request, response, "similar", body, texts)
        cosines = _cosines(found.predictions.embedding)
        order = np.argsort(-cosines, kind="stable")
        similar = [Similar(index=int(i), similarity=float(cosines[i])) for i in order]
        return SimilarReply(**self._same(request, found), similar=similar)

    async def _asked(
        self, request: Request, response: Response, verb: str, body: Body, texts: list[Text]
    ) -> Answered:
        seen_of(request).route = f"/v1/{verb}"
        found = await self._asking.answered(request, verb, body.model, texts, body.version)
        response.headers.update(found.headers)
        return found

    def _same(self, request: Request, found: Answered) -> dict[str, Any]:
        seen = seen_of(request)
        return {"model": seen.model, "version": seen.version, "tokens": found.tokens}


def _texts(texts: list[str | list[str]] | list[str]) -> list[Text]:
    return [(text,) if isinstance(text, str) else tuple(text) for text in texts]


def _cosines(vectors: np.ndarray) -> np.ndarray:
    """Compare the first of [n, hidden] with the others."""
    norms = np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)
    return np.clip(vectors[1:] @ vectors[0] / (norms[1:] * norms[0]), -1, 1)


def invalid(errors: list[dict[str, Any]]) -> Problem:
    """Say what is wrong with a body, by pydantic's list of errors, without its values."""
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
    return Problem("invalid", f"{where}: {first['msg']}")
