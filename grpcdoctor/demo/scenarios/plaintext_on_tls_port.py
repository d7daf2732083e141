"""A healthy gRPC server without TLS, asked as if it had TLS."""

from grpcdoctor.demo.stage import Endpoint, Stage
from grpcdoctor.model.finding import Verdict

CAUSE = "tls-expected-plaintext-found"
VERDICT = Verdict.BROKEN


async def start(stage: Stage) -> Endpoint:
    return Endpoint(stage.grpc_server())
