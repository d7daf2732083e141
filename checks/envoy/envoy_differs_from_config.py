"""envoy-differs-from-config: Envoy speaks another HTTP version to a Service than the objects of the cluster say."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import CLUSTER, in_envoy, said
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.expected import Expected
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix, Source
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD923",
    name="envoy-differs-from-config",
    severity=Severity.WARNING,
    title="Envoy does not do what the objects say",
)
ASKS = ("config_dump",)

_HTTP1 = "http/1.1"
_KNOWN = ("h2", _HTTP1, "same-as-client")


def check(proxy: Proxy) -> Iterator[Conclusion]:
    for expected in proxy.expected:
        for cluster in proxy.clusters:
            if cluster.raw and expected.is_cluster(cluster.name):
                found = difference(expected, cluster.name, cluster.http.version.value, cluster.http.reason)
                if found is not None:
                    yield found


def difference(expected: Expected, cluster: str, version: str, reason: str) -> Finding | None:
    """None where both say the same. HTTP/1.1 in place of anything else breaks gRPC."""
    if version == expected.protocol or version not in _KNOWN:
        return None
    return in_envoy(
        RULE,
        CLUSTER,
        cluster,
        f"Envoy speaks {version} to {expected.title} port {expected.port}; by its objects it should speak "
        f"{expected.protocol}",
        symptom="The configuration has not reached this Envoy yet, was refused by it, or an EnvoyFilter overrules it. "
        "What calls meet is Envoy's own word" + (": HTTP/1.1 ends gRPC in UNAVAILABLE." if version == _HTTP1 else "."),
        evidence=[
            said(f"cluster {cluster}: {version} ({reason})", "config_dump"),
            Evidence(expected.reason, Source.CLUSTER, expected.title),
        ],
        fixes=(
            Fix("See whether this proxy has the newest configuration (SYNCED), and what it refused",
                command="istioctl proxy-status"),
            Fix("Look for an EnvoyFilter that merges HttpProtocolOptions into clusters",
                command="kubectl get envoyfilters -A -o yaml | grep -n HttpProtocolOptions"),
        ),
        field="typed_extension_protocol_options",
        related=(expected.title,),
        severity=Severity.ERROR if version == _HTTP1 else Severity.WARNING,
    )  # fmt: skip
