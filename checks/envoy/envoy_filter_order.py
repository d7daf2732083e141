"""envoy-filter-order: an HTTP filter needs what a later one provides, or refuses what a later one would answer."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import LISTENER, in_envoy, said
from grpcdoctor.checks.envoy._grpc import is_istio
from grpcdoctor.envoy.http import HttpFilter, HttpManager
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD915",
    name="envoy-filter-order",
    severity=Severity.ERROR,
    title="filters stand in an order that defeats one of them",
)
ASKS = ("config_dump",)

_AUTHENTICATING = ("jwt_authn", "ext_authz", "rbac")
_METADATA = "envoy.filters.http.jwt_authn"


def check(proxy: Proxy) -> Iterator[Conclusion]:
    for listener, _chain, manager in proxy.http_chains:
        for message, symptom, fix, severity in _wrong(proxy, manager):
            yield _finding(listener.name, manager, message, symptom, fix, severity)


def _wrong(proxy: Proxy, manager: HttpManager) -> Iterator[tuple[str, str, str, Severity]]:
    active = [item for item in manager.filters if not item.disabled]
    kinds = [item.kind for item in active]
    if _rbac_before_jwt(active):
        yield ("rbac stands before jwt_authn, whose claims its policies ask for",
               "The claims are not there yet, so every call is refused: PERMISSION_DENIED, RBAC: access denied.",
               "Put jwt_authn before rbac", Severity.ERROR)  # fmt: skip
    if "grpc_json_transcoder" in kinds and "grpc_web" in kinds and kinds.index("grpc_json_transcoder") < kinds.index(
        "grpc_web"
    ):
        yield ("grpc_json_transcoder stands before grpc_web",
               "The transcoder takes gRPC-Web for JSON, or lets it by untouched: browsers see UNKNOWN.",
               "Put grpc_web before grpc_json_transcoder", Severity.WARNING)  # fmt: skip
    first = next((item for item in active if item.kind in _AUTHENTICATING), None)
    # Istio has it so as well, and has jwt_authn let preflights by.
    if first is not None and not is_istio(proxy) and not _lets_by(active) and _stands_before_cors(first, kinds):
        yield (f"{first.kind} stands before cors",
               "A browser's preflight carries no credentials, so it is refused, and the call never leaves the browser.",
               f"Put cors before {first.kind}", Severity.WARNING)  # fmt: skip


def _stands_before_cors(first: HttpFilter, kinds: list[str]) -> bool:
    return "grpc_web" in kinds and "cors" in kinds and kinds.index(first.kind) < kinds.index("cors")


def _rbac_before_jwt(active: list[HttpFilter]) -> bool:
    seen = False
    for item in active:
        if item.kind == "rbac" and _METADATA in str(item.raw):
            seen = True
        elif item.kind == "jwt_authn" and seen:
            return True
        elif item.kind == "jwt_authn":
            return False
    return False


def _lets_by(active: list[HttpFilter]) -> bool:
    first = next((item for item in active if item.kind in _AUTHENTICATING), None)
    return first is not None and first.kind == "jwt_authn" and first.raw.get("bypass_cors_preflight") is True


def _finding(name: str, manager: HttpManager, message: str, symptom: str, fix: str, severity: Severity) -> Conclusion:
    order = ", ".join(item.kind for item in manager.filters)
    return in_envoy(
        RULE,
        LISTENER,
        name,
        f"listener {name}: {message}",
        symptom=symptom,
        evidence=[said(f"http_filters: {order}", "config_dump")],
        fixes=(Fix(fix),),
        field="http_filters",
        severity=severity,
    )
