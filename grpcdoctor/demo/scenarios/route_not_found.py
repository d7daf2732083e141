"""A TLS gateway that routes one hostname only, grpc.example.test, asked by its address; it answers in Envoy's words.

`--authority grpc.example.test` finds the healthy gRPC server behind it.
"""

from grpcdoctor.demo.stage import Endpoint, Stage
from grpcdoctor.model.finding import Verdict

CAUSE = "route-not-found"
VERDICT = Verdict.INCONCLUSIVE  # other paths may be routed: only a call of a real method decides
_ROUTED = "grpc.example.test"


async def start(stage: Stage) -> Endpoint:
    from grpcdoctor.demo.gateway import Request, Response, grpc_refusal
    from grpcdoctor.demo.upstream import over_http2

    backend = stage.grpc_server()

    async def answer(request: Request) -> Response:
        if request.header(":authority").partition(":")[0] != _ROUTED:
            return grpc_refusal(12)
        return await over_http2(backend, request)

    return stage.tls_endpoint(await stage.gateway(answer))
