"""A TLS gateway in front of a healthy gRPC server that forwards everything but the trailers.

What a hop over HTTP/1.1, or a proxy that was never taught trailers, leaves of a gRPC answer: the message without its
status.
"""

from grpcdoctor.demo.stage import Endpoint, Stage
from grpcdoctor.model.finding import Verdict

CAUSE = "trailers-missing"
VERDICT = Verdict.BROKEN


async def start(stage: Stage) -> Endpoint:
    from dataclasses import replace

    from grpcdoctor.demo.gateway import Request, Response
    from grpcdoctor.demo.upstream import over_http2

    backend = stage.grpc_server()

    async def answer(request: Request) -> Response:
        return replace(await over_http2(backend, request), trailers=())

    return stage.tls_endpoint(await stage.gateway(answer))
