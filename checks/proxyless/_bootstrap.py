"""What the xDS libraries of gRPC refuse in a bootstrap.

Source: gRFC A27; the words are C-core's (src/core/xds/grpc/xds_bootstrap_grpc.cc), measured with grpcio 1.85.
"""

from __future__ import annotations

import json
from typing import Any, Final

from grpcdoctor.cluster.fields import items_at, mapping_at, text_at

KNOWN_CREDENTIALS: Final = ("insecure", "tls", "google_default")
_LONGEST: Final = 200_000


def parsed(text: str) -> dict[str, Any] | None:
    """None where it is no JSON object."""
    if len(text) > _LONGEST:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def looks_like_one(text: str) -> bool:
    return "xds_servers" in text or '"server_uri"' in text


def faults_in(text: str) -> tuple[str, ...]:
    """Clauses that follow "the bootstrap": `is no JSON`, `has no xds_servers`; empty where it is in order."""
    raw = parsed(text)
    if raw is None:
        return ("is no JSON object",) if len(text) <= _LONGEST else ()
    servers = items_at(raw, "xds_servers")
    if not servers:
        return ("has no xds_servers",)
    found: list[str] = []
    for index, server in enumerate(servers):
        found += _of_server(index, server)
    if "node" in raw and not isinstance(raw["node"], dict):
        found.append("has a node that is no object")
    elif not text_at(raw, "node", "id"):
        found.append("has no node.id, by which istiod knows the client")
    elif is_istiods(text) and text_at(raw, "node", "metadata", "GENERATOR") != "grpc":
        found.append("does not ask istiod for gRPC's own configuration (node.metadata.GENERATOR: grpc)")
    return tuple(found)


def _of_server(index: int, server: Any) -> list[str]:
    found = []
    if not text_at(server, "server_uri"):
        found.append(f"has no server_uri in xds_servers[{index}]")
    credentials = [text_at(item, "type") for item in items_at(server, "channel_creds")]
    if not credentials:
        found.append(f"has no channel_creds in xds_servers[{index}]")
    elif not set(credentials) & set(KNOWN_CREDENTIALS):
        found.append(f"has no channel_creds of a known type in xds_servers[{index}]")
    features = mapping_at(server).get("server_features")
    if features is not None and not isinstance(features, list):
        found.append(f"has server_features in xds_servers[{index}] that are no list")
    return found


def is_istiods(text: str) -> bool:
    return "istiod" in text or "/etc/istio/proxy" in text


def corrected(text: str, namespace: str) -> str:
    """A bootstrap that istiod's own agent would have written, with what is right in this one kept."""
    raw = parsed(text) or {}
    servers = []
    for server in items_at(raw, "xds_servers") or [{}]:
        kept = dict(server) if isinstance(server, dict) else {}
        types = {text_at(item, "type") for item in items_at(kept, "channel_creds")}
        kept["server_uri"] = text_at(kept, "server_uri") or "unix:///etc/istio/proxy/XDS"
        if not types & set(KNOWN_CREDENTIALS):
            kept["channel_creds"] = [{"type": "insecure"}]
        if not isinstance(kept.get("server_features"), list):
            kept["server_features"] = ["xds_v3"]
        servers.append(kept)
    node = dict(mapping_at(raw, "node"))
    node["id"] = text_at(node, "id") or f"sidecar~127.0.0.1~pod.{namespace}~{namespace}.svc.cluster.local"
    node["metadata"] = {**mapping_at(node, "metadata"), "GENERATOR": "grpc"}
    return json.dumps({**raw, "xds_servers": servers, "node": node})
