"""The gateway's gRPC server; imported where that is asked for alone, since grpc takes memory."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import grpc

from tfsocial.errors import InputError
from tfsocial.serving.gateway.dialects.grpc_calls import GrpcDoor
from tfsocial.serving.gateway.dialects.open_inference_grpc import OpenInferenceGrpc
from tfsocial.serving.gateway.dialects.tf_serving_grpc import TFServingGrpc
from tfsocial.serving.gateway.settings import Listen, Load


@contextlib.asynccontextmanager
async def answering(door: GrpcDoor, listen: Listen, load: Load, grace: float) -> AsyncIterator[str]:
    """Answer over gRPC; gives the address.

    Args:
        grace: seconds for calls that were taken, at the end.

    Raises:
        InputError: the port cannot be used.
    """
    limit = ("grpc.max_receive_message_length", load.bytes)
    server = grpc.aio.server(maximum_concurrent_rpcs=load.connections, options=[limit])
    server.add_generic_rpc_handlers(
        [OpenInferenceGrpc(door).handler, *TFServingGrpc(door).handlers]
    )
    where = f"{listen.host}:{listen.grpc_port}"
    try:
        port = _add_port(server, where, listen)
    except RuntimeError:
        raise InputError(f"listen.grpc_port: {where} cannot be used; name another") from None
    await server.start()
    try:
        yield f"{listen.host}:{port}"
    finally:
        await server.stop(grace)


def _add_port(server: grpc.aio.Server, where: str, listen: Listen) -> int:
    tls = listen.tls
    if tls is None:
        return server.add_insecure_port(where)
    callers = tls.callers.read_bytes() if tls.callers else None
    pairs = [(tls.key.read_bytes(), tls.certificate.read_bytes())]
    credentials = grpc.ssl_server_credentials(pairs, callers, callers is not None)
    return server.add_secure_port(where, credentials)
