"""What two versions of a real Envoy said (tests/lab/record_envoy.py), in every form, is read alike."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from grpcdoctor.envoy.clusters import HttpVersion
from grpcdoctor.envoy.files import read_files
from grpcdoctor.envoy.snapshot import Proxy

DUMPS = Path(__file__).parent / "dumps"
VERSIONS = sorted(path.name for path in DUMPS.iterdir())


def read(*paths: Path) -> Proxy:
    (found,) = read_files([str(path) for path in paths], io.BytesIO)
    return found


def one(version: str, kind: str, *names: str) -> Proxy:
    """These answers of one dump; a packed one is found as well."""
    folder = DUMPS / version / kind
    return read(*(next(path for path in folder.iterdir() if path.name.startswith(name)) for name in names))


def test_there_are_dumps_of_at_least_two_versions() -> None:
    assert len(VERSIONS) >= 2


@pytest.mark.parametrize("version", VERSIONS)
def test_a_folder_is_one_envoy_with_all_its_answers(version: str) -> None:
    proxy = read(DUMPS / version / "lab")
    assert proxy.server.version == version
    assert proxy.server.state == "LIVE"
    assert len(proxy.serving) >= 50
    assert len(proxy.clusters) >= 17
    assert proxy.blind_spots == ()
    assert proxy.stats.given


def test_a_folder_of_folders_is_an_envoy_each() -> None:
    found = read_files([str(DUMPS)], io.BytesIO)
    assert len(found) == 2 * len(VERSIONS)
    assert {proxy.server.version for proxy in found} == set(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_cluster_says_its_version_and_the_field_that_decided(version: str) -> None:
    proxy = read(DUMPS / version / "lab")
    spoken = {cluster.name: (cluster.http.version, cluster.tls is not None) for cluster in proxy.clusters}
    assert spoken["grpc"] == (HttpVersion.H2, False)
    assert spoken["grpc-http1"] == (HttpVersion.HTTP1, False)
    assert spoken["grpc-tls"] == (HttpVersion.H2, True)
    fields = {cluster.name: cluster.http.field for cluster in proxy.clusters}
    assert fields["grpc"] == "HttpProtocolOptions.explicit_http_config.http2_protocol_options"
    assert fields["http1"] == "HttpProtocolOptions.explicit_http_config.http_protocol_options"


@pytest.mark.parametrize("version", VERSIONS)
def test_circuit_breakers_have_what_is_set_and_the_defaults(version: str) -> None:
    proxy = read(DUMPS / version / "lab")
    circuit, grpc = proxy.cluster("circuit"), proxy.cluster("grpc")
    assert circuit is not None
    assert grpc is not None
    assert (circuit.breakers[0].max_requests, circuit.breakers[0].max_connections) == (0, 1024)
    assert (grpc.breakers[0].max_requests, grpc.breakers[0].max_retries, grpc.breakers[0].is_default) == (1024, 3, True)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_text_form_of_clusters_says_what_the_json_form_says(version: str) -> None:
    for kind in ("lab", "dynamic"):
        as_json, as_text = one(version, kind, "clusters.json"), one(version, kind, "clusters.txt")
        for cluster in as_json.clusters:
            other = as_text.cluster(cluster.name)
            assert other is not None
            assert [(e.address, e.healthy, e.counts) for e in sorted(other.endpoints, key=lambda e: e.address)] == [
                (e.address, e.healthy, e.counts) for e in sorted(cluster.endpoints, key=lambda e: e.address)
            ]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_text_form_of_listeners_says_what_the_json_form_says(version: str) -> None:
    as_json, as_text = one(version, "lab", "listeners.json"), one(version, "lab", "listeners.txt")
    assert as_json.answers.listeners == as_text.answers.listeners


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("form", ["stats.json", "stats.txt", "stats.prom"])
def test_counters_are_found_in_every_form_of_stats(version: str, form: str) -> None:
    stats = one(version, "lab", form).stats
    assert stats.cluster("closed", "upstream_cx_connect_fail") >= 1
    assert stats.cluster("grpc-over-tls", "ssl.connection_error") >= 1
    assert stats.cluster("grpc-http1", "upstream_cx_protocol_error") >= 1
    assert stats.cluster("circuit", "upstream_cx_connect_fail") == 0
    assert stats.http("no-route-path", "no_route") == 1
    assert stats.value("server.live") == 1
    assert stats.value("listener_manager.total_listeners_active") or form == "stats.prom"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_refused_listener_is_told_once_with_its_reason_and_the_old_one_serves(version: str) -> None:
    proxy = read(DUMPS / version / "dynamic")
    (rejection,) = proxy.rejections
    assert (rejection.kind, rejection.name, rejection.still_in_force) == ("listener", "shop", True)
    assert "same matching rules" in rejection.reason
    assert [listener.name for listener in proxy.serving] == ["shop"]
    assert ("cluster", "", 1) in set(proxy.stats.rejected_updates())


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_dump_repeats_of_a_listener_is_read(version: str) -> None:
    proxy = read(DUMPS / version / "dynamic")
    (listener,) = proxy.serving
    (chain,) = listener.chains
    assert listener.direction == "OUTBOUND"
    assert listener.inspectors == ("tls_inspector",)
    assert listener.address.startswith("127.0.0.1:")
    assert listener.port != 0
    assert chain.match.server_names == ("*.example.test",)
    assert chain.tls is not None
    assert chain.tls.alpn == ("h2",)
    assert chain.http is not None
    assert chain.http.stream_idle_timeout.words == "off"
    assert [item.kind for item in chain.http.filters] == ["grpc_web", "router"]
    routes = proxy.routes_of(chain.http)
    assert routes is not None
    timeouts = [route.timeout.words for route in routes.virtual_hosts[0].routes]
    assert timeouts == ["15 s (default)", "30 s", "15 s (default)"]


@pytest.mark.parametrize("version", VERSIONS)
def test_each_endpoint_has_the_tls_that_its_metadata_picks(version: str) -> None:
    cart = read(DUMPS / version / "dynamic").cluster("cart")
    assert cart is not None
    spoken = {item.address: cart.tls_to(item) for item in cart.endpoints}
    tls = spoken["127.0.0.1:10001"]
    assert tls is not None
    assert tls.alpn == ("istio-peer-exchange", "istio", "h2")
    assert spoken["127.0.0.1:10002"] is None
    health = {item.address: item.healthy for item in cart.endpoints}
    assert health == {"127.0.0.1:10001": True, "127.0.0.1:10002": True, "127.0.0.1:10003": False}
    assert cart.healthy == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_no_key_is_in_what_is_kept_of_certificates(version: str) -> None:
    proxy = read(DUMPS / version / "lab")
    assert {name for item in proxy.certificates for name in item.names} >= {"localhost"}
    assert all(item.left is not None and item.lifetime is not None for item in proxy.certificates)
