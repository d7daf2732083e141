"""A gRPC server with mutual TLS, and no client certificate given."""

from grpcdoctor.demo.stage import Endpoint, Stage
from grpcdoctor.model.finding import Verdict

CAUSE = "client-certificate-required"
VERDICT = Verdict.BROKEN


async def start(stage: Stage) -> Endpoint:
    client_ca = stage.authority.path.read_bytes()
    return stage.tls_endpoint(stage.grpc_server(stage.authority.leaf(), client_ca=client_ca))
