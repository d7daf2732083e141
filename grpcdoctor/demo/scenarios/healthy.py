"""A gRPC server with TLS, health and reflection, with nothing wrong."""

from grpcdoctor.demo.stage import Endpoint, Stage
from grpcdoctor.model.finding import Verdict

CAUSE = None
VERDICT = Verdict.HEALTHY


async def start(stage: Stage) -> Endpoint:
    return stage.tls_endpoint(stage.grpc_server(stage.authority.leaf()))
