"""Every sick listener of Envoy, nginx and haproxy shows its symptom (observed.md has them whole)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.lab import envoy_scenarios
from tests.lab.certificates import lab_certificates
from tests.lab.greeter import messages
from tests.lab.nginx import spend_the_limit
from tests.lab.raw_client import Seen, call
from tests.patience import AT_ONCE

if TYPE_CHECKING:
    from tests.lab.envoy import Envoy
    from tests.lab.gateway import Gateway

UPSTREAM = "upstream connect error or disconnect/reset before headers. reset reason: "
SLOW, HEALTH = "/lab.Greeter/Slow", "/grpc.health.v1.Health/Check"

# scenario: grpc-status, grpc-message, Envoy's response flag
ENVOY_LOCAL_REPLIES: dict[str, tuple[int, str | None, str]] = {
    "no-route-host": (12, None, "NR"),
    "no-route-path": (12, None, "NR"),
    "cluster-missing": (14, None, "NC"),
    "http1-to-grpc": (14, f"{UPSTREAM}protocol error", "UPE"),
    "h2-to-http1": (14, f"{UPSTREAM}protocol error", "UPE"),
    "upstream-refused": (14, f"{UPSTREAM}remote connection failure", "UF"),
    "tls-to-plaintext": (14, f"{UPSTREAM}remote connection failure", "UF"),
    "plaintext-to-tls": (14, f"{UPSTREAM}connection termination", "UC"),
    "upstream-closes": (14, f"{UPSTREAM}connection termination", "UC"),
    "upstream-silent": (14, "upstream request timeout", "UT"),
    "no-endpoints": (14, "no healthy upstream", "UH"),
    "circuit-open": (14, f"{UPSTREAM}overflow", "UO"),
    "circuit-open-connections": (14, f"{UPSTREAM}overflow", "UO"),
    "fault-abort-grpc": (14, "fault filter abort", "FI"),
    "fault-abort-http": (14, "fault filter abort", "FI"),
    "fault-abort-http-500": (2, "fault filter abort", "FI"),
    "rbac-deny-all": (7, "RBAC: access denied", "-"),
    "rbac-deny-greeter": (7, "RBAC: access denied", "-"),
    "jwt-required": (16, "Jwt is missing", "-"),
    "rate-limited": (14, "local_rate_limited", "RL"),
    "rate-limited-grpc": (8, "local_rate_limited", "RL"),
    "https-redirect": (2, None, "-"),
    "html-200": (2, "<html><body>It works!</body></html>", "-"),
    "direct-404": (12, None, "-"),
    "direct-503": (14, "closed", "-"),
}
ENVOY_UPSTREAM_REPLIES = {
    "upstream-saturated": (8, "Concurrent RPC limit exceeded!"),
    "backend-unauthenticated": (16, "no token"),
    "greeter-only": (0, None),
    "alpn-none": (0, None),
    "alpn-http1-only": (0, None),
    "max-concurrent-streams-1": (0, None),
    "backend-bare": (0, None),
}


def ask(gateway: Gateway, name: str, path: str = "/lab.Greeter/SayHello", timeout: float = 8.0) -> Seen:
    """One raw call to a scenario."""
    tls = lab_certificates().client_context() if gateway.tls(name) else None
    return call(gateway.port(name), path, tls=tls, timeout=timeout)


@pytest.mark.needs("envoy")
@pytest.mark.parametrize("name", ENVOY_LOCAL_REPLIES)
def test_envoy_answers_itself(envoy: Envoy, name: str) -> None:
    status, message, flag = ENVOY_LOCAL_REPLIES[name]
    seen = ask(envoy, name)
    assert (seen.status, seen.get("server"), seen.get("content-type")) == ("200", "envoy", "application/grpc")
    assert (seen.grpc_status, seen.grpc_message) == (str(status), message)
    assert seen.get("x-envoy-upstream-service-time") is None
    assert not seen.trailers
    assert _flag(envoy, name) == flag


def _flag(envoy: Envoy, name: str) -> str:
    deadline = time.monotonic() + 3
    while not (entries := [entry for entry in envoy.logged(name) if entry["path"] == "/lab.Greeter/SayHello"]):
        assert time.monotonic() < deadline, "Envoy has logged nothing"
        time.sleep(0.05)
    return str(entries[-1]["flags"])


@pytest.mark.needs("envoy")
@pytest.mark.parametrize("name", ENVOY_UPSTREAM_REPLIES)
def test_envoy_passes_the_applications_answer_on(envoy: Envoy, name: str) -> None:
    status, message = ENVOY_UPSTREAM_REPLIES[name]
    seen = ask(envoy, name)
    assert seen.grpc_status == str(status)
    assert (seen.grpc_message or None) == message
    assert seen.get("x-envoy-upstream-service-time") is not None


@pytest.mark.needs("envoy")
@pytest.mark.parametrize("name", ["codec-http1", "alpn-h2-codec-http1"])
def test_envoy_speaks_http1_where_its_codec_does(envoy: Envoy, name: str) -> None:
    assert ask(envoy, name).raw.startswith(b"HTTP/1.1 400 ")


@pytest.mark.needs("envoy")
@pytest.mark.parametrize(
    ("name", "alpn"),
    [("healthy-tls", "h2"), ("alpn-none", None), ("alpn-http1-only", None), ("alpn-h2-codec-http1", "h2")],
)
def test_envoy_agrees_on_alpn(envoy: Envoy, name: str, alpn: str | None) -> None:
    assert ask(envoy, name).alpn == alpn


@pytest.mark.needs("envoy")
def test_envoy_routes_the_greeter_and_not_health(envoy: Envoy) -> None:
    for name in ("greeter-only", "greeter-only-tls"):
        assert ask(envoy, name).grpc_status == "0"
        assert ask(envoy, name, HEALTH).grpc_status == "12"


@pytest.mark.needs("envoy")
def test_envoy_denies_some_paths_only(envoy: Envoy) -> None:
    assert ask(envoy, "rbac-deny-greeter", HEALTH).grpc_status == "0"


@pytest.mark.needs("envoy")
def test_envoy_cuts_a_slow_call(envoy: Envoy) -> None:
    seen = ask(envoy, "route-timeout", SLOW)
    assert (seen.grpc_status, seen.grpc_message) == ("14", "upstream request timeout")
    assert 0.9 < seen.seconds < AT_ONCE


@pytest.mark.needs("envoy")
@pytest.mark.parametrize("name", ["route-timeout", "max-stream-duration"])
def test_envoy_cuts_a_running_stream(envoy: Envoy, name: str) -> None:
    tick = messages["CountRequest"](limit=20, interval=0.3).SerializeToString()
    message = b"\x00" + len(tick).to_bytes(4, "big") + tick
    seen = call(envoy.port(name), "/lab.Greeter/Count", message=message)
    assert seen.reset == 2
    assert seen.data
    assert 0.9 < seen.seconds < AT_ONCE


@pytest.mark.needs("envoy")
def test_envoy_delays(envoy: Envoy) -> None:
    seen = ask(envoy, "fault-delay")
    assert seen.grpc_status == "0"
    assert seen.seconds > 2.9


@pytest.mark.needs("envoy")
def test_envoy_fails_some_of_many_calls(envoy: Envoy) -> None:
    assert {ask(envoy, "fault-abort-half").grpc_status for _ in range(20)} == {"0", "14"}


@pytest.mark.needs("envoy")
def test_envoy_lets_a_token_in(envoy: Envoy) -> None:
    bearer = ("authorization", f"Bearer {envoy_scenarios.jwt_token()}")
    assert call(envoy.port("jwt-required"), headers=(bearer,)).grpc_status == "0"


@pytest.mark.needs("envoy")
def test_envoy_wants_a_client_certificate(envoy: Envoy) -> None:
    lab = lab_certificates()
    port = envoy.port("mtls")
    assert call(port, tls=lab.client_context()).error == "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    assert call(port, tls=lab.client_context(pair=lab.client)).grpc_status == "0"
    assert call(port, tls=lab.client_context(pair=lab.client_foreign)).grpc_status is None


@pytest.mark.needs("envoy")
def test_envoy_announces_one_stream_and_passes_not_serving_on(envoy: Envoy) -> None:
    assert ask(envoy, "max-concurrent-streams-1").settings[3] == 1
    assert ask(envoy, "not-serving", HEALTH).data.endswith(b"\x08\x02")


# scenario: :status, content-type
NGINX = {
    "404": ("404", "text/html"),
    "404-h2c": ("404", "text/html"),
    "html-200": ("200", "text/html"),
    "proxy-pass-tls": ("502", "text/html"),
    "upstream-refused": ("502", "text/html"),
    "upstream-http1": ("502", "text/html"),
    "upstream-tls-to-plaintext": ("502", "text/html"),
    "upstream-plaintext-to-tls": ("502", "text/html"),
    "https-redirect-h2c": ("301", "text/html"),
    "rate-limited": ("503", "text/html"),
    "rate-limited-429": ("429", "text/html"),
    "auth-basic": ("401", "text/html"),
    "forbidden": ("403", "text/html"),
    "mtls": ("400", "text/html"),
    "greeter-only": ("200", "application/grpc"),
}


@pytest.mark.needs("nginx")
@pytest.mark.parametrize("name", NGINX)
def test_nginx_answers(nginx: Gateway, name: str) -> None:
    if name.startswith("rate-limited"):
        spend_the_limit(nginx)
    seen = ask(nginx, name)
    assert (seen.status, seen.get("content-type")) == NGINX[name]
    assert str(seen.get("server")).startswith("nginx/")
    assert seen.grpc_status == ("0" if name == "greeter-only" else None)


@pytest.mark.needs("nginx")
def test_nginx_without_http2_refuses_alpn_h2(nginx: Gateway) -> None:
    assert "no application protocol" in ask(nginx, "no-http2").error


@pytest.mark.needs("nginx")
@pytest.mark.parametrize("name", ["plain-no-http2", "html-200-http1", "https-redirect"])
def test_nginx_answers_the_preface_with_http1(nginx: Gateway, name: str) -> None:
    assert ask(nginx, name).raw.startswith(b"HTTP/1.1 400 ")


@pytest.mark.needs("nginx")
@pytest.mark.parametrize("name", ["proxy-pass", "proxy-pass-h2c"])
def test_nginx_proxy_pass_hands_the_backends_frames_out_as_a_body(nginx: Gateway, name: str) -> None:
    for _ in range(12):  # on a busy machine up to half of the answers hang, before or after their headers
        seen = ask(nginx, name, timeout=1.5)
        assert seen.status in ("000", "502", None)
        if seen.data[3:5] == b"\x04\x00":
            return
    pytest.fail("no SETTINGS frame in any body")


@pytest.mark.needs("nginx")
def test_nginx_cuts_a_slow_call(nginx: Gateway) -> None:
    assert ask(nginx, "read-timeout", SLOW).status == "504"


HAPROXY = {
    "no-proto-h2": ("502", "text/html"),
    "no-proto-h2-clear": ("502", "text/html"),
    "backend-down": ("503", "text/html"),
    "no-server": ("503", "text/html"),
    "https-redirect": ("301", None),
    "tls-to-plaintext": ("503", "text/html"),
    "h2-to-http1": ("503", "text/html"),
    "http1-backend": ("200", "text/html"),
    "deny": ("403", "text/html"),
}


@pytest.mark.needs("haproxy")
@pytest.mark.parametrize("name", HAPROXY)
def test_haproxy_answers(haproxy: Gateway, name: str) -> None:
    seen = ask(haproxy, name)
    assert (seen.status, seen.get("content-type")) == HAPROXY[name]
    assert seen.grpc_status is None


@pytest.mark.needs("haproxy")
def test_haproxy_wants_a_client_certificate(haproxy: Gateway) -> None:
    lab = lab_certificates()
    assert call(haproxy.port("mtls"), tls=lab.client_context()).error == "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    assert call(haproxy.port("mtls"), tls=lab.client_context(pair=lab.client)).grpc_status == "0"


@pytest.mark.needs("haproxy")
@pytest.mark.parametrize("name", ["proto-h2-to-tls", "tls-without-alpn"])
def test_haproxy_resets_where_the_backends_tls_is_wrong(haproxy: Gateway, name: str) -> None:
    assert ask(haproxy, name).reset == 7


@pytest.mark.needs("haproxy")
@pytest.mark.parametrize("name", ["no-alpn", "alpn-http1-only"])
def test_haproxy_speaks_http2_that_alpn_never_agreed_on(haproxy: Gateway, name: str) -> None:
    seen = ask(haproxy, name)
    assert (seen.alpn, seen.grpc_status) == (None, "0")
