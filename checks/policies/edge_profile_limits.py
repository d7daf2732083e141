"""edge-profile-limits: Istio's EDGE profile for gateways brings limits that gRPC streams and metadata run into."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._cluster import grpc_witness
from grpcdoctor.cluster.fields import mapping_at, text_at
from grpcdoctor.cluster.istio.proxy_config import ProxySettings, proxy_settings
from grpcdoctor.cluster.kinds import PROXY_CONFIG
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD714",
    name="edge-profile-limits",
    severity=Severity.WARNING,
    title="the EDGE profile ends gRPC streams at the gateway",
)
READS = ROUTE_KINDS

_BLOCK: Final = "connectionSettings"
# Field -> what the profile sets, and what lets gRPC through.
_LIMITS: Final = {
    "httpStreamIdleTimeout": ("idle streams end after 5 minutes", "0s"),
    "httpRequestTimeout": ("client streams end after 5 minutes", "0s"),
    "httpHeadersWithUnderscoresAction": ("metadata keys with _ are refused", "HEADERS_WITH_UNDERSCORES_ALLOW"),
}


def check(cluster: Cluster) -> Iterator[Conclusion]:
    witness = grpc_witness(cluster)
    for settings in proxy_settings(cluster) if witness is not None else ():
        block = mapping_at(settings.values, _BLOCK)
        if text_at(block, "profile") not in ("EDGE", "1") or not _is_for_gateways(settings):
            continue
        open_ends = [field for field in _LIMITS if field not in block]
        if open_ends and witness is not None:
            yield _finding(settings, block, open_ends, witness)


def _finding(settings: ProxySettings, block: dict[str, Any], fields: list[str], witness: Object) -> Conclusion:
    what = _LIMITS[fields[0]][0]
    wanted = {**block, **{field: _LIMITS[field][1] for field in fields}}
    return about(
        RULE,
        settings.object,
        settings.path,
        f"{settings.object.title} puts gateways on the EDGE profile: {what}",
        symptom="A stream that ends so gives INTERNAL: Received RST_STREAM with error code 2 at the client (a client "
        "stream: UNKNOWN: request timeout). An underscore in a metadata key resets the call.",
        evidence=(
            *(seen(settings.object, settings.path, f"by the profile, {_LIMITS[field][0]}") for field in fields),
            seen(witness, (), f"{witness.title} is for gRPC"),
        ),
        fixes=(settings.edit((_BLOCK,), wanted).fix(f"Keep the profile and set {', '.join(fields)} yourself"),),
        confidence=0.8,
    )


def _is_for_gateways(settings: ProxySettings) -> bool:
    """The profile counts for gateways alone; an annotation is for one workload, the mesh's default for all."""
    if settings.object.kind is PROXY_CONFIG:
        return False
    return settings.workload is None or settings.workload.mesh is Mesh.GATEWAY
