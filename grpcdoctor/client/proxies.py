"""Whether an answer is a proxy's own, or came from the server behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from grpcdoctor.wire.streams import Headers

# Servers in front of servers, by how their `server` header begins.
_PROXIES: Final = (
    *("envoy", "istio-envoy", "nginx", "openresty", "awselb", "cloudflare", "google frontend", "traefik", "kong"),
)
# Envoy puts it on every answer that an upstream gave.
_FROM_UPSTREAM: Final = "x-envoy-upstream-service-time"


def answered_by_proxy(headers: Headers) -> bool:
    """A proxy's own answer, as far as its headers tell."""
    named = {name.lower(): value.lower() for name, value in headers}
    return named.get("server", "").startswith(_PROXIES) and _FROM_UPSTREAM not in named
