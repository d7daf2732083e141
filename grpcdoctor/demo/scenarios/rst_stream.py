"""A TLS gateway that resets every call with RST_STREAM INTERNAL_ERROR."""

from grpcdoctor.demo.stage import Endpoint, Stage
from grpcdoctor.model.codes import Http2Error
from grpcdoctor.model.finding import Verdict

CAUSE = "rst-stream"
VERDICT = Verdict.BROKEN


async def start(stage: Stage) -> Endpoint:
    from grpcdoctor.demo.gateway import Request, Reset

    async def answer(_request: Request) -> Reset:
        return Reset(Http2Error.INTERNAL_ERROR)

    return stage.tls_endpoint(await stage.gateway(answer))
