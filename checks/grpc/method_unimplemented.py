"""method-unimplemented: the application says that it has no such method."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._effect import CALL
from grpcdoctor.checks.grpc._replies import Kind, Seen, evidence_of, seen
from grpcdoctor.model.facts.grpc import CallFacts, ReflectionFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD403",
    name="method-unimplemented",
    severity=Severity.ERROR,
    title="the application does not have the method called",
    explains=("clients-disagree",),
)
NEEDS = (CallFacts,)

_MOST_NAMES = 5


def check(run: Run) -> Iterator[Conclusion]:
    call = run.get(CallFacts)
    if call is None:
        return
    service, method = _split(call.method)
    services = _services(run)
    answer = next((item for item in seen(run) if item.question == CALL and item.kind is Kind.UNIMPLEMENTED), None)
    if answer is None and not _is_unknown(call, service, services):
        return
    yield Finding(
        RULE,
        message=_message(service, method, services),
        explanation=_explanation(service in services, bool(services)),
        evidence=_evidence(answer, call, services),
        fixes=_fixes(run, service, method, services),
        confidence=0.9 if answer is None else 1.0,
        alternatives=_alternatives(run, answer),
    )


def _split(path: str) -> tuple[str, str]:
    service, _, method = path.lstrip("/").rpartition("/")
    return service, method


def _services(run: Run) -> tuple[str, ...]:
    reflection = run.get(ReflectionFacts)
    return reflection.services if reflection is not None else ()


def _is_unknown(call: CallFacts, service: str, services: tuple[str, ...]) -> bool:
    """No call was made, because reflection lists the services and this is none of them, or lacks the method."""
    if call.reply is not None or call.error is None or not services:
        return False
    return service not in services or "does not include a method" in call.error


def _message(service: str, method: str, services: tuple[str, ...]) -> str:
    if service in services:
        return f"{service} is served, but its method {method} is not implemented"
    if services:
        return f"no service {service} is served here"
    return f"the server does not implement {service}/{method}"


def _explanation(present: bool, listed: bool) -> str:
    if present:
        return "The service is registered, and the method is missing in it or only inherited from the generated base " \
            "class. The usual reason: what is deployed is older than the caller's .proto."
    if listed:
        return "The call reached a gRPC server that serves other services. Either the name is not exact (package, " \
            "capital letters), or the call went to another application than was meant."
    return "The call reached a gRPC server, which knows no method of that exact name (package, service, method, " \
        "capital letters). A path that a proxy rewrites looks the same."


def _evidence(answer: Seen | None, call: CallFacts, services: tuple[str, ...]) -> tuple[Evidence, ...]:
    said = evidence_of((answer,)) if answer is not None else (Evidence(str(call.error), ref="call"),)
    if not services:
        return said
    more = f" and {len(services) - _MOST_NAMES} more" if len(services) > _MOST_NAMES else ""
    return (*said, Evidence(f"reflection lists: {', '.join(services[:_MOST_NAMES])}{more}", ref="reflection"))


def _fixes(run: Run, service: str, method: str, services: tuple[str, ...]) -> tuple[Fix, ...]:
    grpcurl = f"grpcurl {'' if run.target.tls else '-plaintext '}{run.target.endpoint}"
    if service in services:
        return (Fix("See which methods this version has", command=f"{grpcurl} describe {service}"),
                Fix("Deploy the version of the server that has it, before the clients that call it"))
    named = tuple(
        Fix(f"Was {name} meant?", command=probe_command(run, "--call", f"{name}/{method}"))
        for name in _close(service, services)
    )
    if services:
        return (*named, Fix("Register the service in the server that listens here, or call the server that has it"))
    return (
        Fix("Compare the name with the .proto: package.Service/Method, capital letters included",
            command=f"{grpcurl} list"),
        Fix("A proxy in between must not rewrite the path (ingress-nginx rewrite-target, Envoy prefix_rewrite)"),
    )


def _close(service: str, services: tuple[str, ...]) -> list[str]:
    """Names that a slip of the pen turns into `service`: other capitals, another package, a letter or two."""
    last = service.rpartition(".")[2].lower()
    same = [name for name in services if name.rpartition(".")[2].lower() == last]
    return (same or get_close_matches(service, services, n=1, cutoff=0.75))[:2]


def _alternatives(run: Run, answer: Seen | None) -> tuple[Alternative, ...]:
    if answer is None or answer.reply.grpc_message or answer.by.proxy is None:
        return ()
    return (Alternative("route-not-found", "a proxy without a route answers UNIMPLEMENTED with an empty message too",
                        decide=probe_command(run, "--trace")),)
