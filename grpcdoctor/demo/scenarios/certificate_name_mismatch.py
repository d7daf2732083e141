"""A healthy gRPC server whose certificate is for another name."""

from grpcdoctor.demo.stage import Endpoint, Stage
from grpcdoctor.model.finding import Verdict

CAUSE = "certificate-name-mismatch"
VERDICT = Verdict.BROKEN


async def start(stage: Stage) -> Endpoint:
    from cryptography.x509 import DNSName

    pair = stage.authority.leaf(names=(DNSName("grpc.example.test"),))
    return stage.tls_endpoint(stage.grpc_server(pair))
