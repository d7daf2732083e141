"""Two witnesses, one cause: which symptom on the wire which misconfiguration in the cluster explains.

A row is a pair. Where the probe of a host shows the symptom, and a rule finds the configuration on an object that the
host's requests meet, the configuration is the cause and the symptom its evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from grpcdoctor.model.finding import Evidence, Finding, Source
from grpcdoctor.model.rule import Severity

# symptom on the wire -> configurations that cause it, the likeliest first.
ROWS: Final[dict[str, tuple[str, ...]]] = {
    "dns-failure": ("ingress-address-pending",),
    "tcp-refused": ("gateway-selector-empty", "gateway-privileged-port", "gateway-port-not-exposed"),
    "tcp-timeout": ("gateway-port-not-exposed", "gateway-selector-empty"),
    "connection-closed-silently": (
        "gateway-credential-missing", "gateway-credential-wrong-namespace", "gateway-credential-invalid",
        "gateway-mutual-without-ca", "gateway-tls-mode-missing", "gateway-protocol-opaque",
    ),
    "tls-handshake-failed": (
        "gateway-credential-missing", "gateway-credential-wrong-namespace", "gateway-credential-invalid",
        "gateway-mutual-without-ca", "gateway-tls-mode-missing", "gateway-protocol-opaque",
        "gateway-tls-version-strict", "listener-certificate-missing",
    ),
    "sni-required": ("gateway-tls-mode-missing", "gateway-passthrough-http-routes"),
    "tls-expected-plaintext-found": ("gateway-tls-on-plaintext-protocol", "gateway-tls-mode-missing"),
    "certificate-expired": ("gateway-credential-invalid",),
    "certificate-not-yet-valid": ("gateway-credential-invalid",),
    "certificate-name-mismatch": ("gateway-certificate-name-mismatch", "gateway-certificate-shared"),
    "client-certificate-required": ("gateway-mutual-without-ca",),
    "client-certificate-rejected": ("gateway-mutual-without-ca",),
    "alpn-missing": ("load-balancer-alpn-missing", "ingress-alpn-without-h2", "ingress-http2-disabled"),
    "alpn-not-h2": ("ingress-http2-disabled", "ingress-alpn-without-h2", "load-balancer-alpn-missing"),
    "http2-not-spoken": ("ingress-without-tls", "ingress-http2-disabled"),
    "http-redirect": (
        "gateway-https-redirect", "ingress-ssl-redirect", "ingress-auth-redirects", "route-redirects-grpc",
    ),
    "route-not-found": (
        "route-host-not-on-gateway", "route-hidden-from-gateway", "gateway-missing", "route-in-wrong-section",
        "route-gateway-unnamed", "route-not-accepted", "listener-refuses-route", "route-parent-missing",
        "route-match-not-grpc", "route-method-not-post", "route-match-port-unserved", "route-delegate-broken",
        "gateway-host-conflict", "gateway-passthrough-http-routes", "gateway-certificate-shared",
        "route-claims-without-authentication", "route-has-no-default", "route-misses-reflection", "route-misses-health",
    ),
    "cluster-not-found": (
        "route-destination-missing", "route-port-missing", "route-subset-missing", "route-port-ambiguous",
        "destination-rule-invisible", "route-destination-hidden",
    ),
    "no-healthy-upstream": (
        "service-selector-empty", "service-no-ready-endpoints", "service-target-port-missing", "subset-selects-nothing",
        "route-weight-to-nothing", "grpc-probe-misconfigured", "outlier-ejects-all", "service-entry-without-endpoints",
    ),
    "upstream-protocol-mismatch": (
        "envoy-differs-from-config",
        "service-port-not-http2", "service-port-undeclared", "service-port-contradiction",
        "route-backend-protocol-unset", "app-protocol-missing-for-gateway", "app-protocol-unsupported",
        "service-app-protocol-unknown", "upgrade-policy-conflict", "service-port-is-http2-app-is-not",
        "service-protocol-conflict", "service-entry-not-http2", "sidecar-ingress-not-http2",
        "ingress-backend-tls-mismatch", "ingress-canary-protocol-ignored", "ingress-upstream-annotation-ignored",
        "backend-traffic-policy-ineffective",
    ),
    "upstream-connection-terminated": (
        "destination-tls-mismatch", "mtls-strict-plaintext-client", "service-app-terminates-tls",
        "inbound-port-excluded", "destination-credential-ignored", "backend-tls-policy-missing",
        "destination-port-settings-replace", "destination-rule-invisible", "ingress-backend-tls-mismatch",
        "service-entry-plaintext-to-tls", "destination-tls-without-alpn", "requests-per-connection-one",
    ),
    "upstream-tls-mismatch": (
        "destination-tls-mismatch", "mtls-strict-plaintext-client", "service-app-terminates-tls",
        "ingress-backend-tls-mismatch", "backend-tls-policy-missing", "app-protocol-missing-for-gateway",
        "service-entry-plaintext-to-tls", "gce-backend-protocol-plaintext",
    ),
    "upstream-unreachable": (
        "server-bound-to-loopback", "service-target-port-missing", "network-policy-blocks-port",
        "publishes-unready-addresses", "destination-tls-mismatch", "app-protocol-missing-for-gateway",
        "headless-behind-mesh", "gce-backend-protocol-plaintext",
    ),
    "upstream-overloaded": ("connection-pool-too-small",),
    "upstream-timeout": ("timeout-cuts-streams", "fault-left-active", "emissary-timeout-cuts-streams"),
    "response-timeout": ("fault-left-active", "network-policy-blocks-port"),
    "slow-response": ("fault-left-active",),
    "fault-injected": ("fault-left-active",),
    "rbac-denied": (
        "authorization-denies-all", "authorization-method-not-post", "authorization-path-malformed",
        "authorization-port-misnumbered", "authorization-identity-without-mtls", "authorization-misses-probes",
        "authorization-on-opaque-port", "authorization-provider-missing",
    ),
    "permission-denied": ("authorization-denies-all", "authorization-misses-probes"),
    "authentication-required": ("token-not-forwarded", "ingress-auth-redirects"),
    "method-unimplemented": ("route-rewrites-path", "ingress-rewrites-path", "route-prefix-too-wide", "route-shadowed"),
    "reflection-not-routed": ("route-misses-reflection", "route-has-no-default"),
    "trailers-missing": ("upgrade-policy-conflict", "service-protocol-conflict", "service-port-not-http2"),
    "not-grpc": ("route-shadowed", "route-match-not-grpc", "agic-cannot-carry-grpc"),
    "rst-stream": ("timeout-cuts-streams", "service-port-not-http2"),
    "connection-lost": ("requests-per-connection-one",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Joined:
    """All findings after the witnesses were heard together."""

    findings: tuple[Finding, ...]
    explained: dict[int, Finding]
    """id of a symptom's finding -> the configuration that causes it."""


def join(wire: Sequence[Finding], configuration: Sequence[Finding]) -> Joined:
    """Pair symptoms with configurations. One without a symptom counts for less: the wire has the last word."""
    by_name: dict[str, list[Finding]] = {}
    for finding in configuration:
        by_name.setdefault(finding.rule.name, []).append(finding)
    causes: dict[int, Finding] = {}
    explained: dict[int, Finding] = {}
    for symptom in wire:
        found = _cause_of(symptom, by_name)
        if found is None or symptom.effective_severity is Severity.INFO:
            continue
        known = causes.get(id(found), found)
        causes[id(found)] = _both(known, symptom)
        explained[id(symptom)] = found
    troubled = any(f.effective_severity is Severity.ERROR for f in wire)
    others = [causes[id(f)] if id(f) in causes else _alone(f, troubled) for f in configuration]
    return Joined((*wire, *others), {key: causes[id(found)] for key, found in explained.items()})


def _cause_of(symptom: Finding, by_name: dict[str, list[Finding]]) -> Finding | None:
    """By the symptom itself, else by another cause of the same look that it names: objects tell look-alikes apart."""
    for name in (symptom.rule.name, *(other.name for other in symptom.alternatives)):
        for configuration in ROWS.get(name, ()):
            if configuration in by_name:
                return _worst(by_name[configuration])
    return None


def _worst(findings: Iterable[Finding]) -> Finding:
    return min(findings, key=lambda f: (f.effective_severity.rank, -f.confidence))


def _both(cause: Finding, symptom: Finding) -> Finding:
    """The configuration as the cause, with what the wire showed."""
    severity = min(cause.effective_severity, symptom.effective_severity, key=lambda s: s.rank)
    seen = Evidence(f"the probe shows it: {symptom.message}", Source.WIRE, symptom.rule.name)
    first = tuple(item for item in symptom.evidence[:1])
    return replace(
        cause, severity=severity, confidence=max(cause.confidence, 0.95), evidence=(*cause.evidence, seen, *first)
    )


def _alone(finding: Finding, troubled: bool) -> Finding:
    """A configuration that should break calls, while the probe's calls pass: it breaks others, or is not in force."""
    if finding.effective_severity is not Severity.ERROR or troubled:
        return finding
    note = Evidence("the probe met no trouble: it concerns other calls, or is not in force yet", Source.WIRE, "probe")
    return replace(finding, severity=Severity.WARNING, evidence=(*finding.evidence, note))
