"""What an HTTP filter does to one request, in a few words: by its own configuration and by what the route says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from grpcdoctor.envoy.fields import Json, flag, has, mapping, mappings, number, seconds, text, texts
from grpcdoctor.envoy.http import ACTING, FilterOnRoute, HttpFilter
from grpcdoctor.envoy.limits import duration_words
from grpcdoctor.envoy.matching import Request, percent, route_match
from grpcdoctor.envoy.routes import Route


@dataclass(frozen=True, slots=True)
class Applied:
    """One filter on the way of one request."""

    kind: str
    name: str
    on: bool
    """False: it is in the chain and does nothing here."""
    note: str
    """What it does: `aborts 50% with HTTP 503`; empty where nothing is known of it."""
    acts: bool
    """It can refuse, delay or change a call; else it counts, traces or routes."""


def applied(item: HttpFilter, route: Route | None, request: Request) -> Applied:
    """The filter as it is for this route."""
    said = _said(item, route)
    on = not (item.disabled if said is None else said.disabled)
    where = f" ({said.where})" if said is not None else ""
    note = _note(item, said, request) if on else "off"
    if item.discovered and not note:
        note = "its configuration comes by ECDS and is not shown"
    return Applied(item.kind, item.name, on, note + where if note else where.strip(), item.kind in ACTING)


def _said(item: HttpFilter, route: Route | None) -> FilterOnRoute | None:
    """What the route says to it: by the filter's name, in old dumps by what it is."""
    if route is None:
        return None
    return route.filters.get(item.name) or next((f for f in route.filters.values() if f.name == item.kind), None)


def _note(item: HttpFilter, said: FilterOnRoute | None, request: Request) -> str:
    write = _NOTES.get(item.kind)
    return "" if write is None else write(item.raw, said.raw if said is not None else {}, request)


def _fault(own: Json, said: Json, request: Request) -> str:
    config = said or own
    parts = []
    if has(config, "abort"):
        share = percent(mapping(config, "abort", "percentage"))
        status = number(config, "abort", "grpc_status")
        answer = f"gRPC status {status}" if status is not None else f"HTTP {number(config, 'abort', 'http_status')}"
        if has(config, "abort", "header_abort"):
            answer = "what a header asks"
        parts.append(f"aborts {share:g}% with {answer}")
    if has(config, "delay"):
        share = percent(mapping(config, "delay", "percentage"))
        time = seconds(config, "delay", "fixed_delay")
        parts.append(f"delays {share:g}% by {duration_words(time) if time else 'what a header asks'}")
    return ", ".join(parts)


def _rbac(own: Json, said: Json, request: Request) -> str:
    config = mapping(said, "rbac") if has(said, "rbac") else {} if said else own
    if has(config, "matcher"):
        return "decides by a matcher"
    if not has(config, "rules"):
        return "shadow rules only" if has(config, "shadow_rules") else "refuses nothing"
    policies = mapping(config, "rules", "policies")
    action = text(config, "rules", "action") or "ALLOW"
    names = ", ".join(list(policies)[:3]) or "none"
    what = "refuses what matches" if action == "DENY" else "refuses all but" if action == "ALLOW" else "logs"
    return f"{what} {len(policies)} polic{'y' if len(policies) == 1 else 'ies'}: {names}"


def _jwt(own: Json, said: Json, request: Request) -> str:
    if flag(said, "disabled"):
        return "off"
    if has(said, "requirement_name"):
        return f"wants a token: {text(said, 'requirement_name')}"
    for rule in mappings(own, "rules"):
        if route_match(mapping(rule, "match"), request).taken:
            if not has(rule, "requires") and not has(rule, "requirement_name"):
                return "no token is asked for"
            requires = mapping(rule, "requires")
            optional = has(requires, "allow_missing") or has(requires, "allow_missing_or_failed") or any(
                has(each, "allow_missing") or has(each, "allow_missing_or_failed")
                for each in mappings(requires, "requires_any", "requirements")
            )
            return "checks a token if there is one" if optional else "wants a token"
    return "no token is asked for"


def _ext_authz(own: Json, said: Json, request: Request) -> str:
    if flag(said, "disabled"):
        return "off"
    target = text(own, "grpc_service", "envoy_grpc", "cluster_name") or text(
        own, "http_service", "server_uri", "cluster"
    )
    open_ = "lets pass" if flag(own, "failure_mode_allow") else "refuses"
    return f"asks {target or 'an authorizer'}, {open_} when it cannot"


def _local_ratelimit(own: Json, said: Json, request: Request) -> str:
    config = said or own
    bucket = mapping(config, "token_bucket")
    if not bucket:
        return "no limit here"
    enforced = percent(mapping(config, "filter_enforced")) if has(config, "filter_enforced") else 0.0
    enabled = percent(mapping(config, "filter_enabled")) if has(config, "filter_enabled") else 0.0
    if not enabled or not enforced:
        return "counts, refuses nothing"
    tokens, interval = number(bucket, "max_tokens"), seconds(bucket, "fill_interval")
    per = duration_words(interval) if interval else "?"
    return f"{tokens} calls at once, {number(bucket, 'tokens_per_fill') or 1} more every {per}"


def _ratelimit(own: Json, said: Json, request: Request) -> str:
    target = text(own, "rate_limit_service", "grpc_service", "envoy_grpc", "cluster_name")
    closed = ", refuses when it cannot" if flag(own, "failure_mode_deny") else ""
    return f"asks {target or 'a rate limit service'}{closed}"


def _cors(own: Json, said: Json, request: Request) -> str:
    if not said:
        return "no policy on this route"
    count = sum(1 for _ in mappings(said, "allow_origin_string_match"))
    exposed = text(said, "expose_headers")
    return f"{count} origin{'s' if count != 1 else ''}, exposes {exposed or 'no headers'}"


def _ext_proc(own: Json, said: Json, request: Request) -> str:
    return f"hands it to {text(own, 'grpc_service', 'envoy_grpc', 'cluster_name') or 'a processor'}"


def _buffer(own: Json, said: Json, request: Request) -> str:
    size = number(said, "buffer", "max_request_bytes") or number(own, "max_request_bytes")
    return f"waits for the whole request (at most {size} bytes): it breaks streams"


def _transcoder(own: Json, said: Json, request: Request) -> str:
    return f"JSON for {', '.join(texts(own, 'services')[:3]) or 'its services'}"


_NOTES: Final[Mapping[str, Callable[[Json, Json, Request], str]]] = {
    "fault": _fault,
    "rbac": _rbac,
    "jwt_authn": _jwt,
    "ext_authz": _ext_authz,
    "local_ratelimit": _local_ratelimit,
    "ratelimit": _ratelimit,
    "cors": _cors,
    "ext_proc": _ext_proc,
    "buffer": _buffer,
    "grpc_json_transcoder": _transcoder,
    "grpc_web": lambda own, said, request: "turns gRPC-Web into gRPC",
}
