"""Where a request goes is what a real Envoy does with it: each route answers by its own name, and both are compared."""

from __future__ import annotations

import itertools
import json
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from grpcdoctor.envoy.admin import read_admin
from grpcdoctor.envoy.request import Outcome, route_request
from grpcdoctor.envoy.snapshot import Proxy
from tests.envoy.shapes import chain
from tests.lab import envoy_config
from tests.lab.certificates import Certificates, lab_certificates
from tests.lab.envoy_config import Scenario
from tests.lab.processes import require_program, run, workdir
from tests.lab.raw_client import call

Json = dict[str, Any]

DOMAINS = (
    "shop.test", "*.shop.test", "*-canary.shop.test", "shop.*", "shop.test:*", "*.eu.shop.test", "ported.test:8443",
)  # fmt: skip
AUTHORITIES = (
    "shop.test", "a.shop.test", "x-canary.shop.test", "b.eu.shop.test", "shop.other", "SHOP.test", "else.test",
    "shop.test:8443", "ported.test:8443", "ported.test", ".shop.test", "-canary.shop.test",
)  # fmt: skip
MATCHES: tuple[Json, ...] = (
    {"path": "/s.A/Exact"},
    {"path": "/s.A/lower", "case_sensitive": False},
    {"prefix": "/s.B/", "headers": [{"name": "x-v", "string_match": {"exact": "2"}}]},
    {"prefix": "/s.B/", "headers": [{"name": "x-v", "string_match": {"prefix": "3"}, "invert_match": True}]},
    {"prefix": "/s.B/", "headers": [{"name": "x-n", "range_match": {"start": 1, "end": 5}}]},
    {"safe_regex": {"regex": r"/s\.(C|D)/[A-Z]\w+"}},
    {"safe_regex": {"regex": r"/s\.C/.*"}},
    {"path_separated_prefix": "/s.E"},
    {"prefix": "/s.F/", "query_parameters": [{"name": "q", "string_match": {"exact": "1"}}]},
    {"prefix": "/s.F/", "grpc": {}},
    {"prefix": "/s.G/", "runtime_fraction": {"default_value": {"numerator": 0, "denominator": "HUNDRED"}}},
    {"prefix": "/s.G/", "headers": [{"name": "x-gone", "present_match": False}]},
)
PATHS = (
    "/s.A/Exact", "/s.A/Exact?x=1", "/s.A/exact", "/s.A/LOWER", "/s.B/m", "/s.C/Get", "/s.C/get", "/s.D/Get",
    "/s.D/get", "/s.E", "/s.E/m", "/s.Em", "/s.F/m?q=1", "/s.F/m?q=2", "/s.F/m", "/s.G/m", "/none",
)  # fmt: skip
HEADERS: tuple[tuple[tuple[str, str], ...], ...] = (
    (),
    (("x-v", "2"),),
    (("x-v", "31"),),
    (("x-v", "31"), ("x-n", "4")),
    (("x-v", "31"), ("x-n", "5")),
    (("x-gone", ""),),
)
# (server names, ALPN, transport) of chains; the index is the answer.
CHAINS: tuple[Json, ...] = (
    {"server_names": ["shop.test"]},
    {"server_names": ["*.shop.test"]},
    {"server_names": ["*.eu.shop.test"], "application_protocols": ["http/1.1"]},
    {"server_names": ["*.test"], "application_protocols": ["h2"]},
    {"transport_protocol": "tls", "application_protocols": ["h2"]},
    {"transport_protocol": "raw_buffer"},
)
NAMES = ("shop.test", "a.shop.test", "b.eu.shop.test", "x.test", "else.example", None)


def answer(name: str, match: Json) -> Json:
    return {"match": match, "direct_response": {"status": 503, "body": {"inline_string": name}}}


def hosts() -> list[Json]:
    """One host with all kinds of routes, and one for each kind of domain."""
    routes = [answer(f"route-{index}", match) for index, match in enumerate(MATCHES)]
    named = [{"name": domain, "domains": [domain], "routes": [answer(domain, {"prefix": "/"})]} for domain in DOMAINS]
    return [{"name": "routes", "domains": ["routes.test"], "routes": routes}, *named]


def chains(certificates: Certificates) -> list[Json]:
    found = []
    for index, match in enumerate(CHAINS):
        made = chain({"routes": [answer(f"chain-{index}", {"prefix": "/"})], "stat_prefix": "c", "http_filters": [
            envoy_config.ROUTER]}, **match)  # fmt: skip
        if match.get("transport_protocol") != "raw_buffer":
            scenario = Scenario("", tls=True, alpn=("h2", "http/1.1"))
            made["transport_socket"] = envoy_config.downstream_tls(scenario, certificates)
        found.append(made)
    return found


def listener(name: str, filter_chains: list[Json], **more: Any) -> Json:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    return {"name": name, "address": address, "filter_chains": filter_chains, **more}


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    """A real Envoy with two listeners: `hosts` in clear, `chains` with a chain a name."""
    program, certificates = require_program("envoy"), lab_certificates()
    inspector = {"@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"}
    listeners = [
        listener("hosts", [chain({"virtual_hosts": hosts(), "http_filters": [envoy_config.ROUTER]})]),
        listener("chains", chains(certificates), listener_filters=[{"name": "tls", "typed_config": inspector}]),
    ]
    with workdir("routing") as folder:
        config, admin = folder / "envoy.json", folder / "admin"
        config.write_text(json.dumps(envoy_config.bootstrap(listeners, [])))
        command = [program, "-c", str(config), "--disable-hot-restart", "--concurrency", "1", "-l", "error"]
        with run("envoy", [*command, "--admin-address-path", str(admin)], lambda: _is_up(admin)):
            yield read_admin(f"http://{admin.read_text().strip()}")


def _is_up(admin: Any) -> bool:
    if not admin.exists() or ":" not in admin.read_text():
        return False
    try:
        return len(read_admin(f"http://{admin.read_text().strip()}", 2).answers.listeners or ()) == 2
    except Exception:
        return False


def port_of(proxy: Proxy, name: str) -> int:
    found = proxy.listener(name)
    assert found is not None
    assert found.port
    return found.port


def split(authority: str) -> tuple[str, int | None]:
    host, separator, port = authority.partition(":")
    return host, int(port) if separator else None


def predicted(proxy: Proxy, authority: str, path: str, headers: tuple[tuple[str, str], ...] = ()) -> str:
    host, port = split(authority)
    found = route_request(proxy, host, path, port=port, headers=headers, tls=False, listener="hosts")
    if found.route is None:
        assert found.outcome in (Outcome.NO_HOST, Outcome.NO_ROUTE)
        return ""
    return str(found.route.raw["direct_response"]["body"]["inline_string"])


def happened(proxy: Proxy, authority: str, path: str, headers: tuple[tuple[str, str], ...] = ()) -> str:
    seen = call(port_of(proxy, "hosts"), path, headers=((":authority", authority), *headers))
    assert seen.error in ("", "eof"), seen.error
    return seen.grpc_message or ""


@pytest.mark.parametrize("authority", AUTHORITIES)
def test_a_virtual_host_is_the_one_that_envoy_takes(proxy: Proxy, authority: str) -> None:
    assert predicted(proxy, authority, "/s/m") == happened(proxy, authority, "/s/m")


@pytest.mark.parametrize(("path", "headers"), itertools.product(PATHS, HEADERS))
def test_a_route_is_the_one_that_envoy_takes(proxy: Proxy, path: str, headers: tuple[tuple[str, str], ...]) -> None:
    assert predicted(proxy, "routes.test", path, headers) == happened(proxy, "routes.test", path, headers)


@pytest.mark.parametrize("alpn", [("h2",), ("http/1.1",), ()])
@pytest.mark.parametrize("name", NAMES)
def test_a_chain_is_the_one_that_envoy_takes(proxy: Proxy, name: str | None, alpn: tuple[str, ...]) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    seen = call(port_of(proxy, "chains"), "/s/m", tls=context, server_name=name)
    found = route_request(proxy, name or "127.0.0.1", "/s/m", sni=name or "", tls=True, alpn=alpn, listener="chains")
    if found.chain is None:
        assert seen.grpc_message is None
        assert seen.error
    elif alpn == ("h2",) or not alpn:
        assert seen.grpc_message == f"chain-{found.chain.index}"


def test_the_chain_in_clear_is_the_one_that_envoy_takes(proxy: Proxy) -> None:
    seen = call(port_of(proxy, "chains"), "/s/m")
    found = route_request(proxy, "shop.test", "/s/m", tls=False, listener="chains")
    assert found.chain is not None
    assert seen.grpc_message == f"chain-{found.chain.index}"
