"""envoy-admin-public: the admin API listens on an address that other machines reach."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import in_envoy, said
from grpcdoctor.envoy.addresses import address_host, address_text
from grpcdoctor.envoy.fields import mapping
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD922",
    name="envoy-admin-public",
    severity=Severity.WARNING,
    title="Envoy's admin port is open to others",
)
ASKS = ("config_dump",)

_LOCAL = ("127.", "::1", "localhost")


def check(proxy: Proxy) -> Iterator[Conclusion]:
    address = mapping(proxy.answers.sections.get("bootstrap", {}), "bootstrap", "admin", "address")
    host = address_host(address)
    if not host or host.startswith(_LOCAL):
        return
    yield in_envoy(
        RULE,
        "admin",
        address_text(address),
        f"Envoy's admin API listens on {address_text(address)}",
        symptom="Whoever reaches that port can read the configuration and end this Envoy (POST /quitquitquit, "
        "/drain_listeners): clients get UNAVAILABLE.",
        evidence=[said(f"bootstrap.admin.address: {address_text(address)}", "config_dump")],
        fixes=(Fix("Have it listen on 127.0.0.1 or a pipe; a port-forward reaches it there",
                   patch="admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}"),),
        field="admin.address",
    )  # fmt: skip
