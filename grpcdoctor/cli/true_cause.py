"""The line that ends a failed call: what most likely is wrong, and the `grpcdoctor probe` that proves it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.errors import ClientError, ConnectError, RpcError
from grpcdoctor.client.options import Protocol
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.model.finding import Verdict
from grpcdoctor.model.rule import Severity

if TYPE_CHECKING:
    from grpcdoctor.client.options import ChannelOptions
    from grpcdoctor.client.status import Status
    from grpcdoctor.model.options import ProbeOptions
    from grpcdoctor.model.report import Cause, Report
    from grpcdoctor.model.target import Target
    from grpcdoctor.wire.streams import Headers

_LEAST_SECONDS: Final = 1.0
_MOST_SECONDS: Final = 2.5
"""For the probe; with what it takes to load the rules nobody waits more than three seconds longer."""
_LIKELY: Final = 0.5
# The words of an error may have many causes, which share what belief there is.
_WORTH_SAYING: Final = 0.3
_NAMES: Final = frozenset(("Envoy", "Istio", "Google", "Kubernetes", "Python", "Linkerd", "Consul", "Contour"))
_ANSWERS_OTHERS: Final = "likely cause: the server answers other calls"
_LATE: Final = f"{_ANSWERS_OTHERS}, but not this one in time; allow more, or look in the server's log"
_THIS_CALL_ALONE: Final = f"{_ANSWERS_OTHERS}; it is this call that ends so, in the server or in a proxy on the way"


async def true_cause(
    options: ChannelOptions,
    failure: ClientError | Status,
    *,
    budget: float,
    metadata: Headers = (),
    answer: Headers = (),
    method: str | None = None,
    may_probe: bool = True,
) -> str | None:
    """One line, or None where nothing is known. Never raises, and never shows metadata.

    `budget` is what is left of the call's own time, in seconds: a probe, if one is needed, may take that long, yet at
    least 1 and at most 3 seconds. `metadata` is what the call sent, `answer` the headers and trailers that came,
    `method` its SERVICE/METHOD: where the trouble may be this method's alone, only a probe that calls it is a proof.
    Without `may_probe` only what is known already is told: at once, and at no cost.
    """
    try:
        return await _true_cause(_Look(options, budget if may_probe else None, metadata, method), failure, answer)
    except Exception:
        return None  # the failure itself was told already; a second one would only hide it


@dataclass(frozen=True, slots=True)
class _Look:
    """A look at the wire that may be taken; `budget` None: it may not."""

    options: ChannelOptions
    budget: float | None
    metadata: Headers
    method: str | None

    @property
    def speaks(self) -> bool:
        """Whether a probe can tell anything: it speaks gRPC over HTTP/2 alone."""
        return self.options.protocol is Protocol.GRPC and not self.options.alts and not self.options.grpcio_target

    async def report(self) -> Report | None:
        """On one connection where that is enough; None where no look may be taken, or a probe can tell nothing."""
        options = self.options
        if self.budget is None or not self.speaks:
            return None
        from grpcdoctor.diagnosis.engine import diagnose

        seconds = min(max(self.budget, _LEAST_SECONDS), _MOST_SECONDS)
        return await diagnose(options.target, _probe_options(options, seconds, self.metadata))


async def _true_cause(look: _Look, failure: ClientError | Status, answer: Headers) -> str | None:
    options = look.options
    explanation = _explanation_of(failure)
    if explanation is not None:
        return _line(_likely(explanation), options)
    if isinstance(failure, ConnectError):
        from grpcdoctor.cli.connect_causes import said_by

        said = said_by(failure, options)
        cause = _likely(said) if said else _cause_in(await look.report())
        return _line(cause, options) if cause is not None else _look_closer(look)
    if isinstance(failure, RpcError):
        return await _cause_of_status(replace(look, method=None), failure.status, failure.answer)
    if isinstance(failure, ClientError) or failure.ok:
        return None
    return await _cause_of_status(look, failure, answer)


def _explanation_of(failure: ClientError | Status) -> str | None:
    """Of reflection that nobody answers, also where the failure was made of that one to say what was asked."""
    error: object = failure
    while isinstance(error, ClientError):
        explanation: str | None = getattr(error, "explanation", None)
        if explanation is not None:
            return explanation
        error = error.__cause__
    return None


async def _cause_of_status(look: _Look, status: Status, answer: Headers) -> str | None:
    from grpcdoctor.cli.status_causes import Ended, said_by_status, said_over_the_web

    said = said_by_status(Ended(status, look.metadata, answer))
    if said is not None and said.fine:
        return said.why
    if look.options.protocol is not Protocol.GRPC:
        return _likely(said.why) if said is not None else _likely(said_over_the_web(status, look.options.protocol))
    if said is not None:
        return _line(_likely(said.why), look.options, look.method)
    if look.budget is None:
        return None
    report = await look.report()
    # The method may fare better than the probe's own questions; reflection is one of them.
    seen = _cause_in(report, undecided_too=look.method is None)
    if seen is not None:
        return _line(seen, look.options)
    healthy = report is not None and report.verdict is Verdict.HEALTHY
    late = _LATE if healthy and not status.from_peer and status.code == GrpcStatus.DEADLINE_EXCEEDED else None
    cause = late or _cause_in_words(status) or (_THIS_CALL_ALONE if healthy else None)
    return _line(cause, look.options, look.method) if cause is not None else _look_closer(look)


def _look_closer(look: _Look) -> str | None:
    """Where the cause does not show at a short look, a whole probe may find it."""
    if look.budget is None or not look.speaks:
        return None
    return f"the cause does not show at a short look; a longer one: {probe_command(look.options, look.method)}"


def _likely(why: str) -> str:
    return f"likely cause: {why}"


def _line(cause: str, options: ChannelOptions, method: str | None = None) -> str:
    return f"{cause}; proof: {probe_command(options, method)}"


def probe_command(options: ChannelOptions, method: str | None = None) -> str:
    """`grpcdoctor probe …` for the same target with the same options, but for metadata."""
    from grpcdoctor.checks._commands import probe_command as command_of
    from grpcdoctor.model.run import Run

    flags = (*(() if options.use_proxy else ("--no-proxy",)), *(("--call", method) if method is not None else ()))
    return command_of(Run(_plainly(options.target), _probe_options(options)), *flags)


def _plainly(target: Target) -> Target:
    """Without names that say no more than host and port do: other programs' command lines always give them."""
    alone = replace(target, authority=None)
    target = alone if alone.authority_header == target.authority_header else target
    alone = replace(target, server_name=None)
    return alone if alone.verify_name == target.verify_name else target


def _probe_options(options: ChannelOptions, timeout: float = _MOST_SECONDS, metadata: Headers = ()) -> ProbeOptions:
    from grpcdoctor.model.options import ProbeOptions

    return ProbeOptions(
        timeout=timeout,
        quick=True,
        cacert=options.cacert,
        cert=options.cert,
        key=options.key,
        insecure=options.insecure,
        headers=metadata,
        second_opinion=False,
        use_proxy=options.use_proxy,
    )


def _cause_in(report: Report | None, undecided_too: bool = False) -> str | None:
    """Warnings are no reason why a call fails, unless nothing else was to be seen."""
    cause = report.first_cause if report is not None else None
    if report is None or cause is None:
        return None
    undecided = undecided_too and report.verdict is Verdict.INCONCLUSIVE
    return _words_of(cause) if cause.severity is Severity.ERROR or undecided else None


def _cause_in_words(status: Status) -> str | None:
    """What the words of the status are known to mean."""
    if not status.message:
        return None
    from grpcdoctor.diagnosis.explain import explain

    cause = explain(str(status)).first_cause
    return _words_of(cause) if cause is not None and cause.confidence >= _WORTH_SAYING else None


def _words_of(cause: Cause) -> str:
    """How sure it is, its title, and the first sentence of its explanation."""
    how = "likely" if cause.confidence >= _LIKELY else "possible"
    first = cause.explanation.split(". ")[0].rstrip(".")
    return f"{how} cause: " + ": ".join(_in_a_sentence(part) for part in (cause.title, first) if part)


def _in_a_sentence(text: str) -> str:
    """With a small letter, but where it is an abbreviation or a name: TLS, gRPC, Envoy."""
    is_name = text[1:2].isupper() or text.split(" ", 1)[0].strip(":,").removesuffix("'s") in _NAMES
    return text if is_name else text[:1].lower() + text[1:]
