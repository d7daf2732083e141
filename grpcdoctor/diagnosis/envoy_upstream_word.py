"""What Envoy's word makes of symptoms behind it: refused or TLS, which HTTP version, which endpoint, which limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from grpcdoctor.diagnosis.envoy_told import (
    LIKELY,
    Cure,
    Reader,
    Told,
    Word,
    addresses,
    an_address,
    made_of,
    spoken_line,
)  # fmt: skip
from grpcdoctor.model.facts.envoy import EnvoyBackend
from grpcdoctor.model.finding import Alternative, Fix

_TLS_COUNTERS: Final = ("ssl.fail_verify_san", "ssl.fail_verify_error", "ssl.fail_verify_cert_hash",
                        "ssl.fail_verify_no_cert", "ssl.connection_error")  # fmt: skip
_VERIFY: Final[Mapping[str, str]] = {
    "ssl.fail_verify_san": "finds another name in the certificate of {at} than it asks for",
    "ssl.fail_verify_error": "does not trust the certificate of {at}",
    "ssl.fail_verify_cert_hash": "does not accept the certificate of {at} (its hash is pinned)",
    "ssl.fail_verify_no_cert": "gets no certificate from {at}",
}
_CONNECT: Final = ("upstream_cx_connect_fail", "upstream_cx_connect_timeout")
_OPTIONS: Final = "typed_extension_protocol_options:\n  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n"
_OPTIONS_TYPE: Final = '    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n'


def missing(told: Told, symptom: str) -> Word | None:
    """The route names a cluster that is not there, or not in force yet."""
    for backend in told.backends:
        if backend.state == "missing":
            return Word(
                "cluster-not-found",
                f"the route leads to cluster {backend.name}, which this Envoy does not have",
                (f"config_dump has no cluster {backend.name}", *told.of_http("no_cluster")),
                fixes=Cure(
                    Fix(f"Envoy: add the cluster {backend.name}, or correct `cluster` in the route"),
                    (Fix("Istio: correct the destination's host, port or subset in the VirtualService; pilot makes no "
                         "cluster for what does not exist"),),
                ).fits(told),
            )  # fmt: skip
        if backend.state == "warming":
            return Word(
                "cluster-not-found",
                f"cluster {backend.name} is still warming: it is not in force yet",
                (f"config_dump has cluster {backend.name} among dynamic_warming_clusters",),
                fixes=(Fix("See what it waits for: its endpoints (EDS) or its certificate (SDS) have not come",
                           command="curl -s http://ADMIN/init_dump"),),
            )  # fmt: skip
    return None


def connecting(told: Told, symptom: str) -> Word | None:
    """Refused, dropped, or TLS that fails: Envoy counts all three as a failed connection, and TLS once more."""
    for backend in told.backends:
        tls_failed = told.rose(backend, *_TLS_COUNTERS) if backend.tls else 0
        if tls_failed:
            return _tls_fails(told, backend)
        failed = told.rose(backend, *_CONNECT) or sum(each.failed_connects for each in backend.endpoints)
        if failed:
            return _cannot_connect(told, backend, failed)
    return None


def _tls_fails(told: Told, backend: EnvoyBackend) -> Word:
    at = addresses(backend) or "its endpoint"
    reason = next((name for name in _VERIFY if told.rose(backend, name)), "")
    evidence = (*told.of_cluster(backend, *_TLS_COUNTERS, *_CONNECT), spoken_line(backend))
    if reason:
        return Word("upstream-tls-mismatch", f"Envoy {_VERIFY[reason].format(at=at)}", evidence, _TRUST,
                    fixes=_mend_trust(told, backend))  # fmt: skip
    return Word(
        "upstream-tls-mismatch",
        f"Envoy speaks TLS to {at}, and the handshake fails: it answers with something that is not TLS",
        evidence,
        "TCP connects, and TLS ends in an error that is none of verification: mostly a backend that serves plaintext. "
        "A backend that speaks TLS and refuses (no common version or cipher) looks alike here.",
        fixes=_stop_tls(told, backend),
        confidence=LIKELY + 0.05,
    )


_TRUST: Final = "TLS is spoken on both sides, and Envoy ends the handshake because of the certificate that it is shown."


def _mend_trust(told: Told, backend: EnvoyBackend) -> tuple[Fix, ...]:
    show = f"openssl s_client -connect {an_address(backend)} -servername {backend.sni or 'NAME'} -showcerts </dev/null"
    return (
        Fix("Read the certificate that it is shown", command=show),
        *Cure(
            Fix("Envoy: set `sni`, `trusted_ca` and `match_typed_subject_alt_names` in the transport_socket of cluster "
                + backend.name),
            (Fix("Istio: name the CA and the name to verify in the DestinationRule",
                 patch="trafficPolicy: {tls: {mode: SIMPLE, sni: NAME, caCertificates: /path/ca.crt, "
                 "subjectAltNames: [NAME]}}"),),
        ).fits(told),
    )  # fmt: skip


def _stop_tls(told: Told, backend: EnvoyBackend) -> tuple[Fix, ...]:
    rule = made_of(backend, "DestinationRule")
    named = f"DestinationRule {rule}" if rule else "the DestinationRule (or the mesh's auto mTLS)"
    return (
        *Cure(
            Fix(f"Envoy: remove `transport_socket` from cluster {backend.name}, or have the backend speak TLS"),
            (Fix(f"Istio: {named} originates TLS to a workload that serves plaintext: no TLS there, or a sidecar on it",
                 patch="trafficPolicy: {tls: {mode: DISABLE}}"),),
        ).fits(told),
        Fix("See what the backend speaks", command=f"grpcdoctor probe --plaintext {an_address(backend)}"),
    )  # fmt: skip


def _cannot_connect(told: Told, backend: EnvoyBackend, failed: int) -> Word:
    at = addresses(backend) or "its endpoint"
    evidence = (*told.of_cluster(backend, *_CONNECT), *_by_host(backend), spoken_line(backend))
    if backend.tls and told.facts.counters_hidden:
        # Without its counters of TLS nothing tells a refusal from a handshake that fails.
        hidden = "it hides its TLS counters, which would tell a refusal from TLS that fails"
        return Word("upstream-unreachable", f"Envoy gets no connection to {at}", (*evidence, hidden), confidence=None)
    if told.rose(backend, "upstream_cx_connect_timeout"):
        waited = f" within {backend.connect_timeout:g} s" if backend.connect_timeout else ""
        return Word("upstream-unreachable", f"{at} does not answer Envoy's connect(){waited}", evidence, _DROPPED,
                    (_is_there(backend),))  # fmt: skip
    return Word("upstream-unreachable", f"Envoy is refused by {at}: nothing listens there", evidence, _REFUSED,
                (_listens(backend), *_target_port(told, backend)))  # fmt: skip


_REFUSED: Final = (
    "The connection fails at once and before any TLS: the server is down, listens on another port, or on 127.0.0.1 of "
    "its pod only."
)
_DROPPED: Final = "Packets get no answer: a network policy or a firewall drops them, or the pod is gone."


def _by_host(backend: EnvoyBackend) -> tuple[str, ...]:
    failing = [each for each in backend.endpoints if each.failed_connects]
    if not failing or backend.total < 2:
        return ()
    return (f"connections failed to {', '.join(each.address for each in failing)} of {backend.total} endpoints",)


def _listens(backend: EnvoyBackend) -> Fix:
    port = an_address(backend).rpartition(":")[2]
    return Fix(f"Have the application listen on port {port}, on all addresses (0.0.0.0)",
               command="kubectl -n NAMESPACE exec POD -- ss -ltn")  # fmt: skip


def _target_port(told: Told, backend: EnvoyBackend) -> tuple[Fix, ...]:
    service = made_of(backend, "Service")
    if not service:
        return (Fix(f"Or correct the endpoints of cluster {backend.name}"),)
    namespace, _, name = service.partition("/")
    return (Fix(f"Or correct targetPort of Service {service}",
                command=f"kubectl -n {namespace} get service {name} -o yaml"),)  # fmt: skip


def _is_there(backend: EnvoyBackend) -> Fix:
    host, _, port = an_address(backend).rpartition(":")
    return Fix("Try it from where Envoy runs; a NetworkPolicy that leaves Envoy out is the usual cause",
               command=f"nc -vz {host} {port}")  # fmt: skip


def speaking(told: Told, symptom: str) -> Word | None:
    """Which side of a hop speaks the wrong HTTP version."""
    for backend in told.backends:
        broken = told.rose(backend, "upstream_cx_protocol_error")
        if broken or (told.facts.counters_hidden and symptom == "upstream-protocol-mismatch"):
            version = _used(told, backend)
            if version in _SIDES:
                return _SIDES[version](told, backend)
    return None


def _used(told: Told, backend: EnvoyBackend) -> str:
    """What it really spoke; by the counters where the configuration leaves it open."""
    if backend.version not in ("same-as-client", "by-alpn"):
        return backend.version
    http1, http2 = told.rose(backend, "upstream_cx_http1_total"), told.rose(backend, "upstream_cx_http2_total")
    return "h2" if http2 >= http1 else "http/1.1"


def _speaks_http1(told: Told, backend: EnvoyBackend) -> Word:
    service = made_of(backend, "Service")
    return Word(
        "upstream-protocol-mismatch",
        f"Envoy speaks HTTP/1.1 to {addresses(backend)}, which answers in something else: gRPC servers speak HTTP/2",
        _evidence(told, backend),
        "Envoy is the side that is wrong: a gRPC call cannot go over HTTP/1.1, whatever the backend speaks.",
        Cure(
            Fix(f"Envoy: speak HTTP/2 to cluster {backend.name}",
                patch=f"{_OPTIONS}{_OPTIONS_TYPE}    explicit_http_config: {{http2_protocol_options: {{}}}}"),
            (Fix(f"Declare the port of Service {service or 'NAMESPACE/NAME'} as gRPC (or rename it grpc-…)",
                 patch="ports: [{name: grpc, port: 50051, appProtocol: kubernetes.io/h2c}]"),),
        ).fits(told),
    )  # fmt: skip


def _speaks_http2(told: Told, backend: EnvoyBackend) -> Word:
    at = an_address(backend)
    return Word(
        "upstream-protocol-mismatch",
        f"Envoy speaks HTTP/2 to {addresses(backend)}, which answers in something else: mostly HTTP/1.1",
        _evidence(told, backend),
        "Envoy does as gRPC needs, so the backend is the side that is wrong: a web server, a wrong port, or one whose "
        "HTTP/2 is not switched on for plaintext (h2c).",
        (Fix("Ask the backend itself what it speaks", command=f"grpcdoctor probe --plaintext {at}"),
         *Cure(Fix(f"Send cluster {backend.name} to the port that serves gRPC, or switch on HTTP/2 in the application"),
               (Fix("Send the route to the port that serves gRPC; a Service port that is HTTP/1.1 must not be named "
                    "grpc or http2"),)).fits(told)),
        confidence=LIKELY if not backend.tls else 1.0,
        alternatives=() if backend.tls else (
            Alternative("upstream-tls-mismatch", "a TLS port that says so in bytes breaks HTTP/2 alike",
                        f"openssl s_client -connect {at} -alpn h2 </dev/null"),),
    )  # fmt: skip


_SIDES: Final = {"http/1.1": _speaks_http1, "h2": _speaks_http2}


def _evidence(told: Told, backend: EnvoyBackend) -> tuple[str, ...]:
    counters = ("upstream_cx_protocol_error", "upstream_cx_http1_total", "upstream_cx_http2_total")
    return (spoken_line(backend), *told.of_cluster(backend, *counters))


def broken_off(told: Told, symptom: str) -> Word | None:
    """The backend closes what Envoy opened: TLS that is missing, or a backend that dies."""
    for backend in told.backends:
        counters = ("upstream_cx_destroy_remote_with_active_rq", "upstream_cx_rx_bytes_total", "upstream_rq_rx_reset")
        unknown = told.facts.counters_hidden and symptom == "upstream-connection-terminated"
        if not told.rose(backend, counters[0]) and not unknown:
            continue
        evidence = (*told.of_cluster(backend, *counters), spoken_line(backend))
        known = next((each for each in backend.endpoints if each.tls_elsewhere), None)
        if known is not None:
            return Word(
                "upstream-tls-mismatch",
                f"Envoy speaks plaintext to {known.address}, which speaks TLS",
                (f"cluster {known.tls_elsewhere} has completed TLS handshakes with {known.address}", *evidence),
                "The backend takes the connection, finds no TLS in it and closes.",
                _start_tls(told, backend),
            )
        silent = not told.rose(backend, "upstream_cx_rx_bytes_total") and not told.facts.counters_hidden
        how = " without a byte" if silent else ""
        spoken = f"{backend.tls or 'plaintext'} connections"
        return Word(
            "upstream-connection-terminated",
            f"{addresses(backend)} takes Envoy's {spoken} and closes them{how}",
            evidence,
            fixes=(_ask_backend(backend), *(() if backend.tls else _start_tls(told, backend))),
            confidence=0.8 if unknown else LIKELY,
            alternatives=_also_tls(backend),
        )
    return None


def _also_tls(backend: EnvoyBackend) -> tuple[Alternative, ...]:
    at = an_address(backend)
    if backend.tls:
        return ()
    return (Alternative("upstream-tls-mismatch", "so does a TLS port that is sent plaintext",
                        f"openssl s_client -connect {at} -alpn h2 </dev/null"),)  # fmt: skip


def _ask_backend(backend: EnvoyBackend) -> Fix:
    return Fix("Ask the backend itself; it also says whether it speaks TLS",
               command=f"grpcdoctor probe --plaintext {an_address(backend)}")  # fmt: skip


def _start_tls(told: Told, backend: EnvoyBackend) -> tuple[Fix, ...]:
    return Cure(
        Fix(f"Envoy: originate TLS with ALPN h2 in cluster {backend.name}",
            patch="transport_socket:\n  name: envoy.transport_sockets.tls\n  typed_config:\n"
            '    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\n'
            '    common_tls_context: {alpn_protocols: ["h2"]}'),
        (Fix("Istio: originate TLS to a backend that speaks TLS itself",
             patch="trafficPolicy: {tls: {mode: SIMPLE}}"),),
    ).fits(told)  # fmt: skip


def nobody_healthy(told: Told, symptom: str) -> Word | None:
    """Which endpoint is out, and for which reason."""
    for backend in told.backends:
        if backend.healthy and not told.rose(backend, "upstream_cx_none_healthy"):
            continue
        if backend.state in ("missing", "unknown"):
            continue
        evidence = told.of_cluster(backend, "upstream_cx_none_healthy", "lb_healthy_panic")
        if not backend.total:
            return Word(
                "no-healthy-upstream",
                f"cluster {backend.name} has no endpoint",
                (f"/clusters lists no host of {backend.name}", *evidence),
                "The route and the cluster exist. Nothing was ever in it, or all of its endpoints were taken out: a "
                "selector that fits no pod, pods that are not ready, a name that does not resolve.",
                _endpoints(told, backend),
            )
        sick = [each for each in backend.endpoints if not each.healthy]
        return Word(
            "no-healthy-upstream",
            f"{backend.total - backend.healthy} of {backend.total} endpoints of cluster {backend.name} are out: "
            + (sick[0].ailments[0] if sick and sick[0].ailments else "unhealthy"),
            (*(f"{each.address}: {', '.join(each.ailments)}" for each in sick[:5]), *evidence),
            fixes=(_ask_backend(backend), *_endpoints(told, backend)),
        )
    return None


def _endpoints(told: Told, backend: EnvoyBackend) -> tuple[Fix, ...]:
    service = made_of(backend, "Service")
    if service:
        namespace, _, name = service.partition("/")
        return (Fix(f"Look at the pods behind Service {service}: ready, and selected?",
                    command=f"kubectl -n {namespace} get endpointslices -l kubernetes.io/service-name={name}"),)
    return (Fix(f"Give cluster {backend.name} endpoints: load_assignment, EDS or the DNS name that it resolves"),)


# counter -> (the limit that it speaks of, Istio's field for it)
_LIMITS: Final[Mapping[str, tuple[str, str]]] = {
    "upstream_rq_active_overflow": ("max_requests", "http.http2MaxRequests"),
    "upstream_rq_pending_overflow": ("max_pending_requests", "http.http1MaxPendingRequests"),
    "upstream_cx_overflow": ("max_connections", "tcp.maxConnections"),
    "upstream_rq_retry_overflow": ("max_retries", "http.maxRetries"),
}


def overloaded(told: Told, symptom: str) -> Word | None:
    """Which circuit breaker is open."""
    for backend in told.backends:
        limits = dict(backend.limits)
        counter = next((name for name in _LIMITS if told.rose(backend, name)), None)
        if counter is None:
            continue
        name, field = _LIMITS[counter]
        # Before Envoy 1.38 max_requests counted as a pending overflow, too.
        lower = min(limits.get("max_requests", 1024), limits.get(name, 1024))
        if counter == "upstream_rq_pending_overflow" and limits.get("max_requests") == lower < limits.get(name, 0):
            name, field = _LIMITS["upstream_rq_active_overflow"]
        rule = made_of(backend, "DestinationRule")
        return Word(
            "upstream-overloaded",
            f"the circuit breaker {name} of cluster {backend.name} ({limits.get(name, 1024)}) is open",
            (*told.of_cluster(backend, *_LIMITS),
             f"cluster {backend.name}: " + ", ".join(f"{key} {value}" for key, value in backend.limits)),
            fixes=Cure(
                Fix(f"Envoy: raise circuit_breakers.thresholds[].{name} of cluster {backend.name}",
                    patch=f"circuit_breakers:\n  thresholds: [{{{name}: 10000}}]"),
                (Fix(f"Istio: raise trafficPolicy.connectionPool.{field} of "
                     f"{'DestinationRule ' + rule if rule else 'the DestinationRule'}"),),
            ).fits(told),
        )  # fmt: skip
    return None


def answered(told: Told, symptom: str) -> Word | None:
    """The answer is the backend's own: Envoy only passed it on."""
    asked = [each for backend in told.backends for each in backend.endpoints if each.requests]
    if not asked or told.http("rq_direct_response"):
        return None
    names = ", ".join(f"{each.address} ({each.requests} requests)" for each in asked[:3])
    return Word(symptom, evidence=(f"Envoy passed the calls on to {names}", spoken_line(told.backend)), confidence=None)


def http1_web_server(told: Told, symptom: str) -> Word | None:
    """An answer that is not gRPC, from a backend that is spoken HTTP/1.1."""
    backend = told.backend
    if backend.version != "http/1.1" or not any(each.requests for each in backend.endpoints):
        return None
    return Word(symptom, evidence=(spoken_line(backend),), confidence=None)


CONNECTING: Final[tuple[Reader, ...]] = (missing, connecting, speaking, broken_off, nobody_healthy, overloaded)
