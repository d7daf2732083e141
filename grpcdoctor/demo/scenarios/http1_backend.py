"""A TLS gateway that speaks HTTP/1.1 to a healthy gRPC server behind it, and answers failures in Envoy's words.

What Istio does where the Service's port is not declared as gRPC or HTTP/2. The gateway really sends HTTP/1.1, and
really gets SETTINGS back, which it cannot read.
"""

from grpcdoctor.demo.stage import Endpoint, Stage
from grpcdoctor.model.finding import Verdict

CAUSE = "upstream-protocol-mismatch"
VERDICT = Verdict.BROKEN


async def start(stage: Stage) -> Endpoint:
    from grpcdoctor.demo.gateway import Request, Response, grpc_refusal
    from grpcdoctor.demo.upstream import UpstreamError, over_http1

    backend = stage.grpc_server()

    async def answer(request: Request) -> Response:
        try:
            return await over_http1(backend, request)
        except UpstreamError:
            before_headers = "upstream connect error or disconnect/reset before headers"
            return grpc_refusal(14, f"{before_headers}. reset reason: protocol error")

    return stage.tls_endpoint(await stage.gateway(answer))
