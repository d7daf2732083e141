"""What real programs print in the lab's scenarios is explained to the scenario's cause, among the first three.

Nothing here is typed: every text comes from a client, a proxy or a server that was run for it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from grpcdoctor.texts.reading import read_text
from tests.lab.clients import CLIENTS, Call, words
from tests.lab.nginx import spend_the_limit
from tests.texts.scenarios import ALL, Scenario

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.envoy import Envoy
    from tests.lab.gateway import Gateway

# Clients that take a server without ALPN for what it is: the call goes well, and there is nothing to explain.
TOLERANT: Final = {("grpcurl", "alpn-missing"), ("grpc-js", "alpn-missing")}
# nginx's lowest limit is a request a minute, and that minute may be over just then.
LETS_ONE_THROUGH: Final = {"rate-limited-429"}
# A server that wants a client certificate says so after the handshake, and whether the client reads that before its own
# write fails is a race: where the words do not say it, the answer must be that a probe is needed.
RACES: Final = {"client-cert-required"}
FLUSHED_SECONDS: Final = 5.0


@pytest.fixture(scope="module")
def gateways(envoy: Envoy, nginx: Gateway, haproxy: Gateway) -> dict[str, Gateway]:
    return {"envoy": envoy, "nginx": nginx, "haproxy": haproxy}


@pytest.fixture(autouse=True)
def spent(nginx: Gateway) -> None:
    """nginx lets a request a minute through its limit: not one of ours."""
    spend_the_limit(nginx)


def call_of(scenario: Scenario, gateways: dict[str, Gateway]) -> Call:
    gateway = gateways[scenario.gateway]
    tls = gateway.tls(scenario.name) if scenario.tls is None else scenario.tls
    return Call(scenario.key, f"localhost:{gateway.port(scenario.name)}", tls, scenario.method)


def first_three(text: str) -> list[str]:
    """The ids of the likeliest causes."""
    return list(dict.fromkeys(suspect.cause for suspect in read_text(text).suspects))[:3]


@pytest.mark.parametrize("client", CLIENTS)
def test_what_a_client_says_is_explained(client: str, gateways: dict[str, Gateway]) -> None:
    said = words(client, [call_of(scenario, gateways) for scenario in ALL])
    missed = {}
    for scenario in ALL:
        text = said[scenario.key]
        if not text and ((client, scenario.causes[0]) in TOLERANT or scenario.name in LETS_ONE_THROUGH):
            continue
        known = bool(set(first_three(text)) & set(scenario.causes))
        if not known and not (scenario.causes[0] in RACES and read_text(text).probe_needed):
            missed[scenario.key] = (scenario.causes, first_three(text), text[-300:])
    assert missed == {}


def logged(log: Path, since: int, wanted: dict[str, Scenario]) -> dict[str, str]:
    """key -> the first line after the byte `since` that has it; waits until the proxy has flushed them."""
    deadline = time.monotonic() + FLUSHED_SECONDS
    while True:
        lines = log.read_bytes()[since:].decode(errors="replace").splitlines()
        found = {key: line for key in wanted for line in reversed(lines) if key in line}
        if len(found) == len(wanted) or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


# Faults that a proxy does not log, or does not see: they are the client's, or there is nothing of it in the line.
UNLOGGED: Final = {
    "envoy": {"alpn-http1-only", "alpn-none", "mtls", "healthy-tls", "healthy-h2c", "https-redirect", "html-200",
              "backend-unauthenticated"},
    "nginx": {"no-http2", "plain-no-http2", "404", "404-h2c", "html-200", "html-200-http1", "https-redirect-h2c",
              "healthy", "auth-basic"},
    "haproxy": {"no-alpn", "alpn-http1-only", "http1-backend"},
}  # fmt: skip
# Only the log tells the two apart.
EXACT: Final = {
    "upstream-refused": ("connection-refused",),
    "tls-to-plaintext": ("mtls-to-plaintext",),
    "upstream-http1": ("http2-to-http1-upstream",),
    "upstream-tls-to-plaintext": ("mtls-to-plaintext", "tls-to-plaintext"),
}


@pytest.mark.parametrize("name", ["envoy", "nginx", "haproxy"])
def test_what_a_proxy_logs_is_explained(name: str, gateways: dict[str, Gateway]) -> None:
    gateway = gateways[name]
    chosen = [s for s in ALL if s.gateway == name and s.name not in UNLOGGED[name]]
    keys = {key_in_log(name, scenario, gateway): scenario for scenario in chosen}
    assert gateway.log is not None
    before = gateway.log.stat().st_size
    words("grpcio", [call_of(scenario, gateways) for scenario in chosen])
    lines = logged(gateway.log, before, keys)
    missed = {}
    for key, scenario in keys.items():
        wanted = EXACT.get(scenario.name, scenario.causes)
        if key not in lines or not set(first_three(lines[key])) & set(wanted):
            missed[scenario.name] = (wanted, lines.get(key), first_three(lines.get(key, "")))
    assert missed == {}


def key_in_log(name: str, scenario: Scenario, gateway: Gateway) -> str:
    """What a log line of this scenario has in it: the listener's name, or the port that was called."""
    return {
        "envoy": f'"listener":"{scenario.name}"',
        "nginx": f'host: "localhost:{gateway.port(scenario.name)}"',
        "haproxy": f" {scenario.name}",
    }[name]
