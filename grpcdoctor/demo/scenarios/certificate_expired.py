"""A healthy gRPC server whose certificate ran out yesterday."""

from datetime import timedelta

from grpcdoctor.demo.stage import Endpoint, Stage
from grpcdoctor.model.finding import Verdict

CAUSE = "certificate-expired"
VERDICT = Verdict.BROKEN


async def start(stage: Stage) -> Endpoint:
    pair = stage.authority.leaf(begins=timedelta(days=-90), ends=timedelta(days=-1))
    return stage.tls_endpoint(stage.grpc_server(pair))
