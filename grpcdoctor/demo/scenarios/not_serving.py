"""A gRPC server that answers, and whose health service says NOT_SERVING."""

from grpcdoctor.demo.stage import Endpoint, Stage
from grpcdoctor.model.finding import Verdict

CAUSE = "not-serving"
VERDICT = Verdict.BROKEN


async def start(stage: Stage) -> Endpoint:
    return stage.tls_endpoint(stage.grpc_server(stage.authority.leaf(), serving=False))
