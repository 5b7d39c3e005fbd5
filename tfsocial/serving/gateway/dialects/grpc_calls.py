"""What all dialects over gRPC do with a call before and after it is answered."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import grpc

from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.access.door import Door
from tfsocial.serving.gateway.calls import Answered, Ask, Calls, Text
from tfsocial.serving.gateway.guard import Seen
from tfsocial.serving.gateway.problems import Problem


@dataclass(frozen=True)
class Call:
    """A call that was let in.

    Attributes:
        caller: None at methods that anybody may call.
        seconds: until its deadline; None: it has none.
        subject: see `Ask`.
    """

    request: Any
    caller: Caller | None
    seen: Seen
    seconds: float | None
    subject: str = ""

    @property
    def known(self) -> Caller:
        """Who asks."""
        assert self.caller is not None
        return self.caller


class Method(NamedTuple):
    """A method of a service: what answers it, its messages, and whether anybody may call it."""

    answers: Callable[[Call], Awaitable[Any]]
    request: Any
    response: Any
    public: bool = False


class GrpcDoor:
    """Lets calls in, and has their texts answered.

    Args:
        seen: hears of each call when it is answered.
    """

    def __init__(self, door: Door, calls: Calls, seen: Callable[[Seen], None]):
        self._door, self.calls, self._seen = door, calls, seen

    def handler(self, service: str, methods: Mapping[str, Method]) -> grpc.GenericRpcHandler:
        """Make what a server takes for a service."""
        return grpc.method_handlers_generic_handler(
            service,
            {
                name: grpc.unary_unary_rpc_method_handler(
                    self._guarded(f"/{service}/{name}", method),
                    request_deserializer=method.request.FromString,
                    response_serializer=method.response.SerializeToString,
                )
                for name, method in methods.items()
            },
        )

    async def answered(
        self,
        call: Call,
        model: str,
        texts: Sequence[Text],
        version: str = "",
        seconds: float | None = None,
    ) -> Answered:
        """Have texts answered for who asks; see `Calls`."""
        call.seen.verb, call.seen.model = "classify", self.calls.models.known(model)
        until = min((one for one in (seconds, call.seconds) if one), default=None)
        caller, ident = call.known, call.seen.request_id
        ask = Ask(caller, "classify", model, texts, version, until, ident, call.subject)
        found = await self.calls(ask)
        call.seen.version = str(found.version.number)
        call.seen.texts, call.seen.tokens = len(texts), found.tokens
        return found

    def _guarded(self, route: str, method: Method) -> Callable:
        async def guarded(request: Any, context: grpc.aio.ServicerContext) -> Any:
            began, seen = time.perf_counter(), Seen(secrets.token_hex(8), "gRPC", route)
            try:
                caller = None if method.public else await self._caller(context, seen)
                left = context.time_remaining()
                subject = str(dict(context.invocation_metadata() or ()).get("x-subject", ""))
                answer = await method.answers(Call(request, caller, seen, left, subject))
                seen.status = 200
                return answer
            except Problem as problem:
                seen.problem, seen.status = problem.kind, problem.status
                told = tuple((key.lower(), value) for key, value in problem.headers.items())
                code = getattr(grpc.StatusCode, problem.grpc)
                await context.abort(code, problem.detail, told)
            finally:
                seen.seconds = time.perf_counter() - began
                self._seen(seen)

        return guarded

    async def _caller(self, context: grpc.aio.ServicerContext, seen: Seen) -> Caller:
        said = dict(context.invocation_metadata() or ())
        caller = await self._door.caller(
            str(said.get("authorization", "")), str(said.get("x-api-key", ""))
        )
        seen.tenant, seen.credential = caller.tenant, caller.credential
        return caller
