"""A TLS gateway without ALPN in front of a healthy gRPC server.

What an AWS NLB's TLS listener (ALPN policy None) or `bind … ssl` of haproxy without `alpn` does: bytes go through, so
old clients work; grpcio, grpc-java and grpc-go >= 1.67 refuse.
"""

from grpcdoctor.demo.stage import Endpoint, Stage
from grpcdoctor.model.finding import Verdict

CAUSE = "alpn-missing"
VERDICT = Verdict.BROKEN


async def start(stage: Stage) -> Endpoint:
    return stage.tls_endpoint(await stage.tls_relay(stage.grpc_server()))
