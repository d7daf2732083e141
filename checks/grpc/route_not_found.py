"""route-not-found: a proxy answers that it has no route for this authority or path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._effect import Effect, effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._upstream import A_METHOD, called, proxy_of, surest, tailored
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import Alternative, BlindSpot, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import TargetError, is_address, split_host_port

RULE = Rule(
    code="GD421",
    name="route-not-found",
    severity=Severity.ERROR,
    title="the proxy has no route for this authority or path",
    explains=("reflection-not-routed",),
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

ANY_METHOD: Final = "whether any real method is routed"

_ROUTES: Final[dict[str, tuple[Fix, ...]]] = {
    "istio": (Fix("Istio: bind a VirtualService for this host to the gateway, and match the gRPC paths",
                  patch="hosts: [HOST]\ngateways: [NAMESPACE/GATEWAY]\nhttp:\n- match: [{uri: {prefix: "
                  "/package.Service/}}]\n  route: [{destination: {host: SERVICE, port: {number: 50051}}}]"),),
    "envoy": (Fix("Envoy: let the virtual host match the authority with and without port, and route the paths",
                  patch='domains: ["HOST", "HOST:*"]\nroutes:\n- match: {prefix: "/package.Service/"}\n'
                  "  route: {cluster: BACKEND, timeout: 0s}"),),
    "traefik": (Fix("Traefik: give the router a rule for this host, on this entry point",
                    patch="match: Host(`HOST`)\nservices: [{name: SERVICE, port: 50051, scheme: h2c}]"),),
    "kong": (Fix("Kong: a route for this host with gRPC protocols",
                 patch='konghq.com/protocols: "grpc,grpcs"'),),
    "": (Fix("Gateway API: a GRPCRoute for this host",
             patch="kind: GRPCRoute\nspec:\n  parentRefs: [{name: GATEWAY}]\n  hostnames: [HOST]\n"
             "  rules: [{backendRefs: [{name: SERVICE, port: 50051}]}]"),),
}


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.NO_ROUTE)
    if effect is None:
        return
    if effect.hits_the_call:
        yield _finding(run, effect, _message_for_call(run, effect), severity=None)
    elif not _tells_nothing_else(effect):
        return  # something is routed here: reflection-not-routed, or the fault of the others, says what there is to say
    else:
        yield _finding(run, effect, _message_for_nothing_routed(run, effect), Severity.WARNING)
        yield _blind_spot(run)


def _tells_nothing_else(effect: Effect) -> bool:
    return all(item.kind in (Kind.UNANSWERED, Kind.LOST) for item in effect.spared)


def _finding(run: Run, effect: Effect, message: str, severity: Severity | None) -> Finding:
    authority = run.target.authority_header
    proxy = proxy_of(effect)
    return Finding(
        RULE,
        message=message,
        explanation="This answer is the proxy's own; no backend saw the call. Either no virtual host matches the "
        f"authority {authority}, or its routes match other paths only.",
        evidence=(*evidence_of(effect.hit), Evidence(f"authority sent: {authority}", ref="grpc")),
        fixes=(*_authority_fixes(run), *tailored(proxy, _ROUTES))[:3],
        severity=severity,
        confidence=surest(effect),
        alternatives=_alternatives(run, effect),
    )


def _message_for_call(run: Run, effect: Effect) -> str:
    return f"{called(proxy_of(effect))} has no route for {effect.first.path or 'the method called'}"


def _message_for_nothing_routed(run: Run, effect: Effect) -> str:
    return f"{called(proxy_of(effect))} routes no path that we know for {run.target.authority_header}"


def _authority_fixes(run: Run) -> tuple[Fix, ...]:
    """What the authority itself may be wrong about: cheapest to try, so first."""
    try:
        host, port = split_host_port(run.target.authority_header)
    except TargetError:
        return ()  # the user's --authority may be anything
    if is_address(host) or host == "localhost":
        return (Fix("Send the host name that the proxy routes, in place of this address",
                    command=_with_authority(run, "grpc.example.com")),)
    if port is not None:
        return (Fix("Try the authority without its port: many virtual hosts match the bare name only",
                    command=_with_authority(run, host)),)
    return ()


def _with_authority(run: Run, authority: str) -> str:
    call = ("--call", run.options.call) if run.options.call else ()
    return probe_command(run, *call, "--authority", authority)


def _alternatives(run: Run, effect: Effect) -> tuple[Alternative, ...]:
    if effect.first.grpc_status is None:
        return (Alternative("not-grpc", "an HTTP server that never spoke gRPC answers unknown paths so",
                            decide=probe_command(run, "--call", A_METHOD)),)
    if effect.hits_the_call:
        return ()
    return (Alternative("method-unimplemented", "a server with empty messages (tonic) behind an Envoy that hides "
                        "x-envoy-upstream-service-time answers the same",
                        decide=probe_command(run, "--call", A_METHOD)),)


def _blind_spot(run: Run) -> BlindSpot:
    return BlindSpot(
        what=ANY_METHOD,
        why="health, reflection and an unknown method all came back without a route; routes by method would not "
        "show in them",
        decide=probe_command(run, "--call", A_METHOD),
    )
