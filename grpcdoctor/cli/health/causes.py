"""The line that ends a failed health check: what most likely is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.cli.errors import say
from grpcdoctor.cli.status_causes import Ended
from grpcdoctor.cli.true_cause import true_cause
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.report import clean

if TYPE_CHECKING:
    from grpcdoctor.client.health import ServiceHealth
    from grpcdoctor.client.health_check import HealthResult
    from grpcdoctor.client.options import ChannelOptions

# A look at the wire after a failure must not outlast a probe's own timeout by much.
_SECONDS: Final = 1.0


async def say_cause(options: ChannelOptions, result: HealthResult, may_probe: bool = True) -> None:
    """On stderr, where there is something to say."""
    failed = result.failed_call
    known = _known(failed) if failed is not None else None
    if known is not None:
        say(known)
        return
    failure = result.failure or (failed.status if failed is not None else None)
    if failure is None:
        return
    cause = await true_cause(
        options,
        failure,
        budget=_SECONDS,
        metadata=result.question.metadata,
        answer=failed.answer if failed is not None else (),
        may_probe=may_probe,
    )
    if cause is not None:
        say(clean.line(cause))


def _known(failed: ServiceHealth) -> str | None:
    """What a status means of this service alone."""
    status = failed.status
    if status.code == GrpcStatus.NOT_FOUND and failed.service:
        return f"the connection is fine: the server knows no service {failed.service!r}; --list shows which it knows"
    if status.code == GrpcStatus.UNIMPLEMENTED and status.from_peer and not Ended(status, (), failed.answer).by_proxy:
        return "the connection is fine: the server has no health service; --connect-only asks for the connection alone"
    return None
