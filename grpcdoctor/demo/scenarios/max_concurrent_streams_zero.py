"""A TLS gateway that allows no calls: SETTINGS_MAX_CONCURRENT_STREAMS is 0."""

from grpcdoctor.demo.stage import Endpoint, Stage
from grpcdoctor.model.codes import Http2Error, Setting
from grpcdoctor.model.finding import Verdict

CAUSE = "max-concurrent-streams-zero"
VERDICT = Verdict.BROKEN


async def start(stage: Stage) -> Endpoint:
    from grpcdoctor.demo.gateway import Request, Reset

    async def answer(_request: Request) -> Reset:
        return Reset(Http2Error.REFUSED_STREAM)

    return stage.tls_endpoint(await stage.gateway(answer, settings={Setting.MAX_CONCURRENT_STREAMS: 0}))
