"""A TLS gateway that sends every new connection away with GOAWAY ENHANCE_YOUR_CALM."""

from grpcdoctor.demo.stage import Endpoint, Stage
from grpcdoctor.model.codes import Http2Error
from grpcdoctor.model.finding import Verdict

CAUSE = "goaway-on-connect"
VERDICT = Verdict.BROKEN


async def start(stage: Stage) -> Endpoint:
    from grpcdoctor.demo.gateway import Goaway, Request, Reset

    async def answer(_request: Request) -> Reset:
        return Reset(Http2Error.REFUSED_STREAM)

    goaway = Goaway(Http2Error.ENHANCE_YOUR_CALM, b"too many connections")
    return stage.tls_endpoint(await stage.gateway(answer, goaway=goaway))
