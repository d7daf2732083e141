"""Which protocol Istio takes a port for, by its name, its appProtocol and its number."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.istio.protocol import (
    PortProtocol,
    Protocol,
    entry_ports,
    parse_protocol,
    protocol_named,
    protocol_of,
)
from grpcdoctor.cluster.kinds import SERVICE_ENTRY
from grpcdoctor.cluster.services import find_service
from tests.cluster.test_services import service

P = Protocol

# name, appProtocol -> protocol. Istio's ConvertProtocol, row by row.
ROWS: list[tuple[str, str | None, Protocol]] = [
    ("grpc", None, P.GRPC),
    ("grpc-foo", None, P.GRPC),
    ("", "grpc", P.GRPC),
    ("", "GRPC", P.GRPC),
    ("", "grpc-x", P.GRPC),
    ("GRPC-Foo", None, P.GRPC),
    ("http2", None, P.HTTP2),
    ("http2-x", None, P.HTTP2),
    ("", "http2", P.HTTP2),
    ("", "kubernetes.io/h2c", P.HTTP2),
    ("http", "kubernetes.io/h2c", P.HTTP2),
    ("", "kubernetes.io/ws", P.HTTP),
    ("", "kubernetes.io/wss", P.HTTPS),
    ("grpc-web", None, P.GRPC_WEB),
    ("grpc-website", None, P.GRPC_WEB),
    ("gRPC-WEB-x", None, P.GRPC_WEB),
    ("", "grpc-web", P.GRPC_WEB),
    ("http", None, P.HTTP),
    ("http-grpc", None, P.HTTP),
    ("http_proxy", None, P.HTTP_PROXY),
    ("https", None, P.HTTPS),
    ("tls", None, P.TLS),
    ("https-grpc", None, P.HTTPS),
    ("tls-grpc", None, P.TLS),
    ("tcp", None, P.TCP),
    ("tcp-grpc", None, P.TCP),
    ("mongo", None, P.MONGO),
    ("redis-x", None, P.REDIS),
    ("mysql", None, P.MYSQL),
    ("udp", None, P.UDP),
    ("h2c", None, P.AUTO),
    ("h2", None, P.AUTO),
    ("", "h2c", P.AUTO),
    ("", "kubernetes.io/grpc", P.AUTO),
    ("", "kubernetes.io/H2C", P.AUTO),
    ("kubernetes.io/h2c", None, P.AUTO),
    ("grpcs", None, P.AUTO),
    ("web-grpc", None, P.AUTO),
    ("grpc_x", None, P.AUTO),
    ("api", None, P.AUTO),
    ("", None, P.AUTO),
    ("-", None, P.AUTO),
    ("grpc", "http", P.HTTP),
    ("http", "grpc", P.GRPC),
    ("grpc", "kubernetes.io/grpc", P.AUTO),
]


def by_service(port: dict[str, Any]) -> PortProtocol:
    found = find_service(cluster_of([service(port)]), "prod", "greeter")
    assert found is not None
    return protocol_of(found.ports[0])


@pytest.mark.parametrize(("name", "app_protocol", "protocol"), ROWS)
def test_a_port_is_what_istio_takes_it_for(name: str, app_protocol: str | None, protocol: Protocol) -> None:
    assert protocol_named(name, app_protocol) is protocol
    resolved = by_service({"port": 80, "name": name, "appProtocol": app_protocol})
    word = (name, "name") if app_protocol is None else (app_protocol, "appProtocol")
    assert (resolved.protocol, resolved.value, resolved.field) == (protocol, *word)


@pytest.mark.parametrize("number", [25, 53, 3306, 27017])
def test_a_server_that_speaks_first_is_not_sniffed(number: int) -> None:
    assert protocol_named("", None, number) is P.TCP
    assert protocol_named("grpc", None, number) is P.GRPC
    assert protocol_named("", "grpc", number) is P.GRPC


@pytest.mark.parametrize("number", [80, 443, 8080, 50051])
def test_no_other_number_means_anything(number: int) -> None:
    assert protocol_named("", None, number) is P.AUTO


def test_udp_is_udp_whatever_the_name_says() -> None:
    assert by_service({"port": 53, "name": "grpc", "protocol": "UDP"}) == PortProtocol(P.UDP, "protocol", "UDP")


@given(st.sampled_from([*"gGrRpPcC-_2htw"]).flatmap(lambda first: st.text("gGrRpPcC-_2ht", max_size=9).map(
    lambda rest: first + rest)))  # fmt: skip
def test_case_never_matters_in_a_name(name: str) -> None:
    assert protocol_named(name) is protocol_named(name.upper()) is protocol_named(name.lower())


@given(st.text(max_size=12), st.text(max_size=12, min_size=1))
def test_where_there_is_an_app_protocol_the_name_does_not_matter(name: str, app_protocol: str) -> None:
    assert protocol_named(name, app_protocol) is protocol_named("", app_protocol)


@pytest.mark.parametrize("word", ["GRPC", "grpc", "Grpc"])
def test_the_protocol_of_a_server_is_read_in_any_case_and_whole(word: str) -> None:
    assert parse_protocol(word) is P.GRPC
    assert parse_protocol(word + "-x") is P.AUTO
    assert parse_protocol("GRPC-WEB") is P.GRPC_WEB
    assert parse_protocol("") is P.AUTO


def test_every_protocol_is_of_one_class() -> None:
    http2 = {p for p in Protocol if p.is_http2}
    http = {p for p in Protocol if p.is_http}
    opaque = {p for p in Protocol if p.is_opaque}
    assert http2 == {P.GRPC, P.GRPC_WEB, P.HTTP2}
    assert http - http2 == {P.HTTP, P.HTTP_PROXY}
    assert opaque == set(Protocol) - http - {P.AUTO}


def entry(*ports: Any) -> dict[str, Any]:
    return {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
            "metadata": {"name": "api", "namespace": "prod"}, "spec": {"ports": [*ports]}}  # fmt: skip


@pytest.mark.parametrize(
    ("port", "protocol"),
    [
        ({"number": 443, "name": "grpc", "protocol": "HTTP"}, P.HTTP),
        ({"number": 443, "name": "http", "protocol": "GRPC"}, P.GRPC),
        ({"number": 443, "name": "grpc"}, P.AUTO),
        ({"number": "443", "name": "grpc", "protocol": "TLS"}, P.TLS),
        ({"number": 25, "name": "mail"}, P.AUTO),
    ],
)
def test_the_name_of_a_service_entrys_port_decides_nothing(port: dict[str, Any], protocol: Protocol) -> None:
    [item] = cluster_of([entry(port)]).all(SERVICE_ENTRY)
    [found] = entry_ports(item)
    assert protocol_of(found) == PortProtocol(protocol, "protocol", port.get("protocol", ""))


def test_ports_of_a_service_entry_with_junk_are_left_out() -> None:
    ports = entry(None, {"number": "x"}, {"number": 443, "name": "a"}, {"number": 80, "targetPort": 8080})
    [item] = cluster_of([ports]).all(SERVICE_ENTRY)
    assert [(p.path, p.number, p.target, p.title) for p in entry_ports(item)] == [
        (("spec", "ports", 2), 443, 443, "ServiceEntry prod/api:443"),
        (("spec", "ports", 3), 80, 8080, "ServiceEntry prod/api:80"),
    ]
