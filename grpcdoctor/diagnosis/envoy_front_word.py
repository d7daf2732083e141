"""What Envoy's word makes of symptoms in front: its listener, its routes, its filters, its timeouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from grpcdoctor.checks.grpc.route_not_found import ANY_METHOD
from grpcdoctor.diagnosis.envoy_told import Cure, Told, Word, route_line, spoken_line
from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.facts.envoy import AllowedTime, EnvoyEntrance, EnvoyWay
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts, Reply
from grpcdoctor.model.finding import Fix
from grpcdoctor.model.rule import Severity

_SHOWN: Final = 4


def listening(told: Told, symptom: str) -> Word | None:
    """The field of the listener that made the symptom."""
    entrance = told.facts.entrance
    field = _LISTENER_FIELDS.get(symptom)
    if entrance is None or field is None:
        return None
    where, value, fix = field(entrance)
    if not where:
        return None
    line = f"listener {entrance.listener} ({entrance.address}) {where} = {value}"
    return Word(symptom, evidence=(line,), fixes=(Fix(f"Envoy: {fix} in listener {entrance.listener}, {where}"),),
                confidence=None)  # fmt: skip


def _alpn(entrance: EnvoyEntrance) -> tuple[str, str, str]:
    shown = f"[{', '.join(entrance.alpn)}]"
    where = f"{entrance.chain}.transport_socket…alpn_protocols"
    return ("", "", "") if "h2" in entrance.alpn or not entrance.tls else (where, shown, "put h2 first (h2, http/1.1)")


def _codec(entrance: EnvoyEntrance) -> tuple[str, str, str]:
    where = f"{entrance.chain}…http_connection_manager.codec_type"
    return (where, entrance.codec, "set AUTO") if entrance.codec == "HTTP1" else ("", "", "")


def _client_certificate(entrance: EnvoyEntrance) -> tuple[str, str, str]:
    where = f"{entrance.chain}.transport_socket…require_client_certificate"
    return (where, "true", "give clients a certificate, or drop the demand") if entrance.client_certificate \
        else ("", "", "")  # fmt: skip


def _streams(entrance: EnvoyEntrance) -> tuple[str, str, str]:
    where, limit = f"{entrance.chain}…http2_protocol_options.max_concurrent_streams", entrance.max_concurrent_streams
    return (where, str(limit), "raise it (1024 is Envoy's own)") if limit is not None else ("", "", "")


_LISTENER_FIELDS: Final = {
    "alpn-not-h2": _alpn,
    "alpn-missing": _alpn,
    "alpn-h2-but-http1": _codec,
    "http2-not-spoken": _codec,
    "client-certificate-required": _client_certificate,
    "max-concurrent-streams-low": _streams,
    "max-concurrent-streams-zero": _streams,
}


def routing(told: Told, symptom: str) -> Word | None:
    """No virtual host, no route in it, or a route that answers so itself."""
    way = next((item for item in told.facts.ways if not item.route), None)
    if way is None or not way.sure:
        return None
    evidence = (*_no_route_lines(told, way), *way.near[:2])
    authority = told.run.target.authority_header
    if symptom == "reflection-not-routed":
        return Word(symptom, evidence=evidence, confidence=1.0) if way.host else None
    if not way.host:
        return Word(
            "route-not-found",
            f"no virtual host of Envoy has the authority {authority}",
            evidence,
            "The listener is the right one and none of its virtual hosts is for this authority, so no path is routed.",
            _host_fixes(told, authority),
            severity=Severity.ERROR,
            settles=ANY_METHOD,
        )
    called = told.run.options.call
    return Word(
        "route-not-found",
        f"virtual host {way.host} has no route for {way.path if called else 'the paths asked for'}; it routes "
        + (", ".join(way.routes[:_SHOWN]) or "nothing"),
        evidence,
        fixes=Cure(
            Fix(f"Envoy: add a route to virtual host {way.host}",
                patch='- match: {prefix: "/package.Service/"}\n  route: {cluster: BACKEND, timeout: 0s}'),
            (Fix("Istio: match the path in the VirtualService",
                 patch="http:\n- match: [{uri: {prefix: /package.Service/}}]\n"
                 "  route: [{destination: {host: SERVICE, port: {number: 50051}}}]"),),
        ).fits(told),
    )  # fmt: skip


def _no_route_lines(told: Told, way: EnvoyWay) -> tuple[str, ...]:
    shown = ", ".join(way.domains[:_SHOWN]) + (" …" if len(way.domains) > _SHOWN else "")
    entrance = told.facts.entrance
    name = entrance.route_configuration if entrance is not None else ""
    at = f"virtual host {way.host} ({shown})" if way.host else f"domains of route configuration {name}: {shown}"
    return (at, *told.of_http("no_route"))


def _host_fixes(told: Told, authority: str) -> tuple[Fix, ...]:
    return Cure(
        Fix("Envoy: let a virtual host match this authority, with and without the port",
            patch=f'domains: ["{authority}"]'),
        (Fix("Istio: bind a VirtualService for this host to the gateway",
             patch=f"hosts: [{authority.partition(':')[0]}]\ngateways: [NAMESPACE/GATEWAY]"),),
    ).fits(told)  # fmt: skip


def answering(told: Told, symptom: str) -> Word | None:
    """A redirect or an answer of Envoy's own, by configuration."""
    way = told.way
    if way is None or not way.sure:
        return None
    if way.require_tls == "ALL" or (way.require_tls == "EXTERNAL_ONLY" and symptom == "http-redirect"):
        line = f"virtual host {way.host}: require_tls = {way.require_tls}"
        return Word(symptom, evidence=(line, *told.of_http("rq_direct_response")), confidence=1.0,
                    fixes=(Fix(f"Speak TLS to it, or set require_tls: NONE in virtual host {way.host}"),)
                    ) if symptom == "http-redirect" else None  # fmt: skip
    if way.action not in ("redirect", "direct_response"):
        return None
    status = f" {way.status}" if way.status is not None else ""
    line = f"{route_line(way)}{status}: Envoy answers itself, no backend sees the call"
    return Word(symptom, evidence=(line, *told.of_http("rq_direct_response")), confidence=None)


# symptom -> the filters that may have made it: (its kind, how its counters begin, how they end, the rule)
_FILTERS: Final[Mapping[str, tuple[tuple[str, str, str, str], ...]]] = {
    "fault-injected": (("fault", "fault.", "aborts_injected", "fault-injected"),),
    "slow-response": (("fault", "fault.", "delays_injected", "fault-injected"),),
    "response-timeout": (("fault", "fault.", "delays_injected", "fault-injected"),),
    "upstream-timeout": (("fault", "fault.", "delays_injected", "fault-injected"),),
    "rbac-denied": (("rbac", "rbac.", "denied", "rbac-denied"),),
    "authentication-required": (
        ("jwt_authn", "jwt_authn.", "denied", "authentication-required"),
        ("ext_authz", "ext_authz.", "denied", "authentication-required"),
    ),
    "permission-denied": (
        ("rbac", "rbac.", "denied", "rbac-denied"),
        ("ext_authz", "ext_authz.", "denied", "permission-denied"),
        ("jwt_authn", "jwt_authn.", "denied", "permission-denied"),
    ),
}
_BY_FILTER: Final[Mapping[str, str]] = {
    "delays_injected": "Envoy delays calls on purpose: fault injection is on",
    "jwt_authn": "Envoy's jwt_authn filter refuses the calls",
    "ext_authz": "Envoy's ext_authz filter (the authorizer behind it) refuses the calls",
}


def filtering(told: Told, symptom: str) -> Word | None:
    """The filter that refused, aborted or delayed, by its own counter."""
    for kind, start, end, rule in _FILTERS.get(symptom, ()):
        counted = told.http_like(start, end)
        says = next((note for name, note in told.way.filters if name == kind), "") if told.way is not None else ""
        configured = told.facts.counters_hidden and _WOULD.get(end, "-") in says
        if not counted and not configured:
            continue
        named = f"filter {kind} of the listener" + (f": {says}" if says else "")
        line = f"http {told.prefix}: " + ", ".join(f"{what} +{by}" for what, by in counted)
        message = _BY_FILTER.get(end) or _BY_FILTER.get(kind, "")
        seen = (f"{line} while the probe ran{told.company}",) if counted else ()
        return Word(rule, message, (*seen, named), _DELAYED if end == "delays_injected" else "",
                    _filter_fixes(told, kind), confidence=1.0 if counted else 0.85)  # fmt: skip
    return None


# What a filter's settings say where its counter is hidden.
_WOULD: Final = {"aborts_injected": "aborts ", "delays_injected": "delays "}
_DELAYED: Final = "The fault filter was switched on for a test; the backend is not what is slow."


def _filter_fixes(told: Told, kind: str) -> tuple[Fix, ...]:
    if kind != "fault":
        return ()
    made = told.way.made_by if told.way is not None else ""
    where = made or "the VirtualService"
    return Cure(
        Fix("Envoy: remove the fault filter, or its settings on the route (typed_per_filter_config)"),
        (Fix(f"Istio: remove `fault` from {where}"),),
    ).fits(told)


def limiting(told: Told, symptom: str) -> Word | None:
    """A rate limit of Envoy's own."""
    local = [item for item in told.facts.counted if item.what == "http_local_rate_limit.enforced"]
    by_service = [(backend, by) for backend in told.backends if (by := told.rose(backend, "ratelimit.over_limit"))]
    says = next((note for name, note in told.way.filters if name == "local_ratelimit"), "") if told.way else ""
    if local:
        return Word(
            symptom,
            "Envoy's own (local) rate limit refuses the calls",
            (*(f"{item.of}.{item.what} +{item.by} while the probe ran" for item in local),
             *((f"filter local_ratelimit: {says}",) if says else ())),
            fixes=(Fix("Envoy: raise the token_bucket of the local_ratelimit filter (max_tokens, tokens_per_fill)"),),
        )  # fmt: skip
    if by_service:
        backend, by = by_service[0]
        return Word(symptom, "the rate limit service behind Envoy refuses the calls",
                    (f"cluster {backend.name}: ratelimit.over_limit +{by} while the probe ran",))  # fmt: skip
    return None


# Envoy's clock starts after ours and ticks in milliseconds.
_EARLY: Final = -0.02
_LATE: Final = 0.3


def timing(told: Told, symptom: str) -> Word | None:
    """Which of Envoy's timers ended the call: one whose counter rose, and of several the one that the time fits."""
    way, reply = told.way, _cut(told)
    if way is None or reply is None:
        return None
    took = reply.duration_ms / 1000
    fired = [each for each in way.times if _rose(told, each)]
    if not fired and told.facts.counters_hidden:
        fired = [each for each in way.times if _EARLY <= took - each.seconds <= max(_LATE, each.seconds / 10)]
    if not fired:
        return None
    timer = min(fired, key=lambda each: abs(took - each.seconds))
    default = " (Envoy's default)" if timer.is_default else ""
    counters = (*told.of_http(*timer.counters), *(line for each in told.backends
                                                 for line in told.of_cluster(each, *timer.counters)))  # fmt: skip
    return Word(
        symptom,
        f"Envoy's {timer.what} of {timer.seconds:g} s{default} ended the call after {milliseconds(reply.duration_ms)}",
        (*counters, f"{timer.field} = {timer.seconds:g} s{default}", route_line(way), spoken_line(told.backend)),
        fixes=_raise(told, timer),
        confidence=1.0 if counters else 0.9,
    )


def _rose(told: Told, timer: AllowedTime) -> bool:
    return bool(told.http(*timer.counters)) or any(told.rose(each, *timer.counters) for each in told.backends)


def _cut(told: Told) -> Reply | None:
    """The user's call where there is one, else the first question that was cut."""
    call, health = told.run.get(CallFacts), told.run.get(HealthFacts)
    reflection, unknown = told.run.get(ReflectionFacts), told.run.get(GrpcFacts)
    asked = (call.reply if call is not None else None, health.check if health is not None else None,
             reflection.v1 if reflection is not None else None, unknown.reply if unknown is not None else None)
    return next((reply for reply in asked if reply is not None and reply.grpc_status != 0), None)


_ISTIO_TIMES: Final = {
    "route timeout": "timeout: 0s", "timeout of one try": "retries: {perTryTimeout: 30s}",
}  # fmt: skip


def _raise(told: Told, timer: AllowedTime) -> tuple[Fix, ...]:
    made = told.way.made_by if told.way is not None else ""
    setting = _ISTIO_TIMES.get(timer.what)
    istio = (Fix(f"Istio: raise it in {made or 'the VirtualService'} (0s switches it off)",
                 patch=f"http:\n- {setting}"),) if setting else ()  # fmt: skip
    off = Fix(f"Envoy: raise {timer.field}; 0s switches it off, and the client's own deadline is what counts then",
              patch=f"{timer.field.rpartition('.')[2]}: 0s")  # fmt: skip
    return Cure(off, istio).fits(told)
