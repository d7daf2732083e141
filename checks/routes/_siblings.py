"""A route beside another one, with the same backends and another path: as each platform writes it."""

from __future__ import annotations

from typing import Any

from grpcdoctor.checks.routes._common import ISTIO
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import at
from grpcdoctor.cluster.routes import RouteRule
from grpcdoctor.model.finding import Fix


def beside(rule: RouteRule, services: tuple[str, ...], summary: str) -> Fix:
    """A Fix that routes these gRPC services (`grpc.health.v1.Health`) where this rule leads."""
    new = _raws(rule, services)
    place = rule.path[:-1]
    section = at(rule.object.raw, *place)
    if not new or not isinstance(section, list):
        paths = " and ".join(f"/{service}/" for service in services)
        kind, name = rule.object.kind.resource, rule.object.name
        return Fix(f"{summary}: {paths}", command=f"kubectl -n {rule.object.namespace} edit {kind} {name}")
    edit = Edit(rule.object)
    for count, raw in enumerate(new):
        edit.set((*place, len(section) + count), raw)
    return edit.fix(summary)


def default(rule: RouteRule, summary: str) -> Fix | None:
    """A Fix that routes every other path of the host where this rule leads."""
    raw = at(rule.object.raw, *rule.path)
    section = at(rule.object.raw, *rule.path[:-1])
    if not isinstance(raw, dict) or not isinstance(section, list):
        return None
    if rule.platform == ISTIO:
        new = {key: value for key, value in raw.items() if key not in ("match", "name")}
    elif "matches" in raw:
        new = {key: value for key, value in raw.items() if key not in ("matches", "name")}
    elif "path" in raw and "backend" in raw:
        new = {**raw, "path": "/", "pathType": "Prefix"}
    else:
        return None
    return Edit(rule.object).set((*rule.path[:-1], len(section)), new).fix(summary)


def _raws(rule: RouteRule, services: tuple[str, ...]) -> list[dict[str, Any]]:
    raw = at(rule.object.raw, *rule.path)
    if not isinstance(raw, dict):
        return []
    kept = {key: value for key, value in raw.items() if key != "name"}
    if rule.platform == ISTIO:
        return [{**kept, "match": [{"uri": {"prefix": f"/{service}/"}} for service in services]}]
    if rule.object.kind.name == "GRPCRoute":
        return [{**kept, "matches": [{"method": {"service": service}} for service in services]}]
    if "matches" in raw:
        paths = [{"path": {"type": "PathPrefix", "value": f"/{service}"}} for service in services]
        return [{**kept, "matches": paths}]
    if isinstance(raw.get("path"), str) and "backend" in raw:
        return [{**raw, "path": f"/{service}", "pathType": "Prefix"} for service in services]
    if "conditions" in raw:
        return [{**kept, "conditions": [{"prefix": f"/{service}/"}]} for service in services]
    return []
