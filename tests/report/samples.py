"""Reports to render, made by hand: one of each verdict, and one whose peer is hostile to terminals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from grpcdoctor.diagnosis.envoy_inspection import AskedRequest, EnvoyOptions, inspect_envoy
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts, Reply, SecondOpinionFacts
from grpcdoctor.model.facts.http2 import FirstBytes, Http2Facts
from grpcdoctor.model.facts.reach import DnsFacts, TcpAttempt, TcpFacts
from grpcdoctor.model.facts.tls import Certificate, Handshake, TlsFacts
from grpcdoctor.model.finding import (
    Alternative,
    BlindSpot,
    Change,
    Evidence,
    Finding,
    Fix,
    Operation,
    Source,
    Subject,
    Verdict,
)  # fmt: skip
from grpcdoctor.model.frame import FrameRecord
from grpcdoctor.model.observation import Facts, Observation, Outcome
from grpcdoctor.model.report import Cause, DecidedBy, Hop, HopPath, Report, Scope
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.target import Target, parse_target
from tests.envoy.shapes import proxy_of

ENDPOINT = "grpc.example.com:443"
ADDRESS = "203.0.113.7:443"
LONG_COMMAND = (
    "openssl s_client -connect grpc.example.com:443 -servername grpc.example.com -alpn h2,http/1.1 </dev/null "
    "2>/dev/null | grep ALPN"
)

ALPN_MISSING = Rule(
    "GD204", "alpn-missing", Severity.ERROR, "the TLS listener does not negotiate ALPN", ("http2-not-spoken",)
)
HTTP2_NOT_SPOKEN = Rule("GD301", "http2-not-spoken", Severity.ERROR, "the port does not speak HTTP/2")
EXPIRING = Rule("GD207", "certificate-expiring", Severity.WARNING, "the certificate expires soon")
NO_REFLECTION = Rule("GD404", "reflection-unavailable", Severity.INFO, "the server offers no reflection")
UNREACHABLE = Rule("GD424", "upstream-unreachable", Severity.ERROR, "the proxy cannot connect to its backend")
PORT_NAME = Rule("GD501", "service-port-not-http2", Severity.ERROR, "the Service's port is not named for HTTP/2")


def observed(*facts: Facts, outcome: Outcome = Outcome.OK) -> tuple[Observation, ...]:
    return tuple(
        Observation(item.kind, outcome, item, started_ms=2.0 * number, duration_ms=1.5)
        for number, item in enumerate(facts)
    )


def handshake(selected: str | None = "h2") -> Handshake:
    return Handshake(
        server_name="grpc.example.com",
        selected=selected,
        version="TLSv1.3",
        cipher="TLS_AES_256_GCM_SHA384",
        duration_ms=24,
    )


def leaf(days_left: float = 63.4) -> Certificate:
    return Certificate(
        subject="CN=grpc.example.com",
        issuer="CN=Example CA",
        names=("grpc.example.com",),
        not_before="2026-01-01T00:00:00Z",
        not_after="2026-12-31T00:00:00Z",
        days_left=days_left,
        key="EC secp256r1",
    )


def reach() -> tuple[Facts, ...]:
    return (
        DnsFacts(host="grpc.example.com", addresses=("203.0.113.7",)),
        TcpFacts(attempts=(TcpAttempt(ADDRESS, "connected", 11.2),), chosen=ADDRESS),
    )


def reply(path: str, status: int | None = 0, **more: Any) -> Reply:
    return replace(
        Reply(
            path=path,
            http_status=200,
            headers=(("content-type", "application/grpc"),),
            grpc_status=status,
            ended=True,
            duration_ms=3.1,
        ),
        **more,
    )


def healthy() -> Report:
    """Everything that a healthy endpoint can show."""
    services = (*(f"acme.orders.v1.Orders{number}" for number in range(9)), "grpc.health.v1.Health")
    facts = (
        *reach(),
        TlsFacts(address=ADDRESS, verified=handshake(), chain=(leaf(),)),
        Http2Facts(
            address=ADDRESS,
            first=FirstBytes("h2", duration_ms=0.6),
            settings=((4, 4194304), (6, 8192)),
            settings_acked=True,
            terminator="grpc-c-core",
            terminator_score=0.95,
            ping_ms=11.3,
        ),
        GrpcFacts(reply("/grpcdoctor.Probe/Nope", 12)),
        HealthFacts(
            reply("/grpc.health.v1.Health/Check"), "SERVING", statuses=(("", "SERVING"), ("acme.Orders", "SERVING"))
        ),
        ReflectionFacts(reply("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"), None, "v1", services),
        CallFacts(
            "/acme.orders.v1.Orders1/List", "reflection", reply("/acme.orders.v1.Orders1/List"), {"orders": ["a"]}
        ),
    )
    hop = Hop("client", ENDPOINT, "h2", "TLSv1.3", DecidedBy("ALPN", name=ENDPOINT, field="selected", value="h2"))
    infos = tuple(
        Finding(
            replace(NO_REFLECTION, name=f"info-{number}"),
            f"something worth knowing, number {number}, said at some length "
            "so that it does not fit into one line of the report",
            (Evidence("seen"),),
        )
        for number in range(5)
    )
    spot = BlindSpot("the other addresses", "only one was tried", "grpcdoctor probe --count 10 " + ENDPOINT, False)
    return Report(
        parse_target(ENDPOINT),
        Verdict.HEALTHY,
        "2026-11-21T08:00:00.000Z",
        48.2,
        hops=(hop,),
        findings=infos,
        observations=observed(*facts),
        addresses=("203.0.113.7",),
        blind_spots=(spot,),
    )


def broken() -> Report:
    """alpn-missing, with its consequence folded, a second opinion, and a further cause."""
    root = Finding(
        ALPN_MISSING,
        "the TLS listener negotiates no protocol (ALPN is not configured)",
        (Evidence("offered h2 · selected none · spoken http/1.1", ref="tls"),),
        "gRPC clients require h2 to be selected in ALPN: grpc-go >= 1.67, grpcio and grpc-java refuse it.",
        (
            Fix("haproxy: add alpn to the bind line", patch="bind :443 ssl crt /etc/haproxy/cert.pem alpn h2,http/1.1"),
            Fix("Istio: let the Gateway speak HTTPS", patch="servers:\n- port: {number: 443, protocol: HTTPS}\n"),
            Fix("look at it by hand", command=LONG_COMMAND),
        ),
    )
    folded = Finding(HTTP2_NOT_SPOKEN, "the port answers in HTTP/1.1", (Evidence("HTTP/1.1 400", ref="http2"),))
    expiring = Finding(
        EXPIRING,
        "the certificate expires in 9 days",
        (Evidence("notAfter 2026-11-30", ref="tls"),),
        "Clients refuse it from then on.",
        (Fix("renew it", command="cmctl renew grpc-cert"),),
    )
    facts = (
        *reach(),
        TlsFacts(address=ADDRESS, verified=handshake(None), chain=(leaf(9.2),)),
        SecondOpinionFacts(
            "grpcio 1.85.1", "/x/Y", "UNAVAILABLE", "Cannot check peer: missing selected ALPN property."
        ),
    )
    causes = (
        Cause(root, (folded,), root.evidence, root.fixes),
        Cause(expiring, (), expiring.evidence, expiring.fixes),
    )
    hop = Hop(
        "client", ENDPOINT, "http/1.1", "TLSv1.3", DecidedBy("ALPN", name=ENDPOINT, field="selected", value="none")
    )
    return Report(
        parse_target(ENDPOINT),
        Verdict.BROKEN,
        "2026-11-21T08:00:00Z",
        130.0,
        causes,
        (root, folded, expiring),
        (hop,),
        observed(*facts),
        addresses=("203.0.113.7",),
    )


def likely() -> Report:
    """A symptom with two causes: a confidence, an alternative, and the command that decides."""
    decide = "grpcurl -plaintext backend:50051 list"
    root = Finding(
        UNREACHABLE,
        "Envoy cannot connect to its backend",
        (Evidence("connection failure", ref="grpc"),),
        "Nothing listens.",
        (Fix("start the backend", command="kubectl rollout restart deployment/greeter"),),
        confidence=0.7,
        alternatives=(Alternative("upstream-tls-mismatch", "the backend may speak TLS only", decide),),
    )
    fixes = (*root.fixes, Fix("To tell it from upstream-tls-mismatch: the backend may speak TLS only", command=decide))
    facts = (*reach(), GrpcFacts(reply("/grpcdoctor.Probe/Nope", 14, grpc_message="upstream connect error")))
    return Report(
        parse_target(ENDPOINT),
        Verdict.BROKEN,
        "2026-11-21T08:00:00Z",
        30.0,
        (Cause(root, (), root.evidence, fixes),),
        (root,),
        (),
        observed(*facts),
    )


def degraded() -> Report:
    report = broken()
    return replace(report, verdict=Verdict.DEGRADED, causes=report.causes[1:], findings=report.findings[2:])


def inconclusive() -> Report:
    """Nothing found, but the proxy routes none of the paths that are known."""
    spot = BlindSpot(
        "whether any method is routed",
        "the proxy routes none of the paths that every server has",
        "grpcdoctor probe grpc.example.com:443 --call SERVICE/METHOD",
    )
    return Report(
        parse_target(ENDPOINT),
        Verdict.INCONCLUSIVE,
        "2026-11-21T08:00:00Z",
        30.0,
        observations=observed(*reach()),
        blind_spots=(spot,),
    )


def in_a_cluster() -> Report:
    """A cause in an object, and the hop that the object decides."""
    subject = Subject(
        kind="Service", namespace="prod", name="greeter", field="spec.ports[0].name", file="greeter.yaml", line=12
    )
    root = Finding(
        PORT_NAME, "port 50051 is named http-main", (Evidence("http-main", Source.CLUSTER),), subject=subject
    )
    decided = DecidedBy("Service", "prod", "greeter", "spec.ports[0].name", "http-main")
    hops = (Hop("client", "gateway", "h2", "TLSv1.3"), Hop("gateway", "pod", "http/1.1", None, decided))
    return Report(
        parse_target(ENDPOINT),
        Verdict.BROKEN,
        "2026-11-21T08:00:00Z",
        30.0,
        (Cause(root, (), root.evidence),),
        (root,),
        hops,
    )


def bug() -> Report:
    observations = (*observed(*reach()), Observation("tls", Outcome.BUG, None, "KeyError: 'x'"))
    return replace(inconclusive(), observations=observations)


HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202eevil\u2028\x9b31m | <script>alert(1)</script> [x](javascript:1) `" + chr(0xDC80)


def hostile() -> Report:
    """Whatever a peer may write into a status message, a certificate or a service's name."""
    root = Finding(
        UNREACHABLE, f"it says {HOSTILE}", (Evidence(HOSTILE, ref="grpc"),), HOSTILE, (Fix(HOSTILE, command=HOSTILE),)
    )
    facts = (
        TlsFacts(verified=handshake(), chain=(replace(leaf(float("inf")), subject=f"CN={HOSTILE}"),)),
        GrpcFacts(reply("/x/Y", 14, grpc_message=HOSTILE)),
        HealthFacts(reply("/h/C"), HOSTILE, statuses=((HOSTILE, HOSTILE),)),
        ReflectionFacts(version="v1", services=(HOSTILE, "a.B")),
        CallFacts("/x/Y", "reflection", reply("/x/Y", 14, grpc_message=HOSTILE), {"a": HOSTILE}),
    )
    hops = (Hop("client", HOSTILE, "h2", None, DecidedBy("ALPN", value=HOSTILE)),)
    spot = BlindSpot(HOSTILE, HOSTILE, HOSTILE, False)
    return Report(
        parse_target(ENDPOINT),
        Verdict.BROKEN,
        "2026-11-21T08:00:00Z",
        30.0,
        (Cause(root, (), root.evidence, root.fixes),),
        (root,),
        hops,
        observed(*facts),
        (spot,),
    )


def inspected() -> Report:
    """Manifests with one error on a line, one warning on a live object, a remark, a path and something unseen."""
    port = Finding(
        PORT_NAME,
        'Service prod/greeter port 50051 is a gRPC server, and its name "http-main" selects HTTP/1.1',
        (Evidence('spec.ports[0].name = "http-main"', Source.CONFIG, "Service prod/greeter"),),
        explanation="Clients get UNAVAILABLE: upstream connect error.",
        fixes=(PORT_FIX,),
        subject=Subject(
            kind="Service", namespace="prod", name="greeter", field="spec.ports[0].name", file="deploy/my app.yaml",
            line=12, text="  - name: http-main",
        ),
        related=("VirtualService prod/greeter",),
    )  # fmt: skip
    warning = Finding(
        EXPIRING,
        "Secret istio-system/tls: 5 days left, 50% gone: soon",
        (Evidence("notAfter", Source.CLUSTER),),
        subject=Subject(kind="Secret", namespace="istio-system", name="tls"),
    )
    remark = Finding(NO_REFLECTION, "no reflection", (Evidence("none"),), subject=Subject(kind="Pod", name="p"))
    path = HopPath("grpc.example.com", "VirtualService prod/greeter spec.http[0]", "/shop.Greeter/", _PATH_HOPS, True)
    return Report(
        target=Target("deploy/", host="", port=0, tls=False),
        verdict=Verdict.BROKEN,
        started_at="2026-11-21T08:00:00.000Z",
        duration_ms=12.5,
        causes=(Cause(port, (), port.evidence, port.fixes), Cause(warning, (), warning.evidence)),
        findings=(port, warning, remark),
        hops=_PATH_HOPS,
        blind_spots=(BlindSpot("pods in all namespaces", "HTTP 403: may not list pods"),),
        command="inspect",
        scope=Scope("deploy/", files=("deploy/my app.yaml",), objects=3),
        paths=(path,),
        suppressed=(("l4-balancing", 2),),
    )


PORT_FIX = Fix(
    "Name the port grpc",
    patch="# Service prod/greeter\nspec:\n  ports:\n  - name: grpc\n    port: 50051",
    changes=(Change("v1", "Service", "prod", "greeter", (Operation("replace", "/spec/ports/0/name", "grpc"),)),),
)
_PATH_HOPS = (
    Hop("client", "gw 203.0.113.7:443", "h2", "TLS", source_kind="client", destination_kind="gateway"),
    Hop("gw 203.0.113.7:443", "prod/greeter:50051", "http/1.1", "auto mTLS",
        DecidedBy("Service", "prod", "greeter", "spec.ports[0].name", "http-main"),
        'Service prod/greeter ports[0].name = "http-main" selects HTTP/1.1', "service-port-not-http2",
        "gateway", "service"),
    Hop("prod/greeter:50051", "3 pods", "http/1.1", source_kind="service", destination_kind="workload"),
)  # fmt: skip


def asked_envoy() -> Report:
    """An Envoy with names that are hostile to terminals, a refused update, and a request on its way."""
    route = {"match": {"prefix": "/shop.Cart/", "headers": [{"name": "x-canary"}]}, "route": {"cluster": HOSTILE}}
    other = {"match": {"prefix": "/"}, "route": {"cluster": "cart", "timeout": "0s"}}
    proxy = proxy_of(
        {
            "listeners": [{"name": HOSTILE, "port": 8080, "http": {"routes": [route, other]}, "tls": {"alpn": ["h2"]}}],
            "dynamic_listeners": [{"name": "web", "error_state": {"details": "no such \x1b[2J field"}}],
            "clusters": [{"name": "cart", "tls": True}, {"name": HOSTILE, "http": "h2"}],
            "cluster_statuses": [
                {"name": "cart", "hosts": [{"address": "10.0.0.1:50051", "failed_outlier_check": True, "cx_total": 3}]}
            ],
            "stats": {"cluster.cart.upstream_cx_connect_fail": 1234567},
            "missing": ["certs"],
        }
    )
    return inspect_envoy(proxy, EnvoyOptions(request=AskedRequest(HOSTILE, "shop.example.com", "/shop.Cart/Add")))


ALL = (healthy, broken, likely, degraded, inconclusive, in_a_cluster, bug, hostile, inspected, asked_envoy)


def frame(detail: str = ":method: POST", direction: str = "sent") -> FrameRecord:
    return FrameRecord(24.5, 1, direction, "HEADERS", 1, ("END_HEADERS",), 97, detail)
