"""Saved answers are recognised by their content, whatever they are called and whichever tool wrote them."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from grpcdoctor.envoy.clusters import HttpVersion
from grpcdoctor.envoy.files import FilesError, read_files
from grpcdoctor.envoy.recognise import recognise
from grpcdoctor.envoy.snapshot import Proxy

CLUSTER = {
    "name": "outbound|50051||greeter.prod.svc.cluster.local",
    "type": "EDS",
    "edsClusterConfig": {"serviceName": "outbound|50051||greeter.prod.svc.cluster.local"},
    "connectTimeout": "10s",
    "circuitBreakers": {"thresholds": [{"maxConnections": 4294967295, "maxRetries": 4294967295}]},
    "typedExtensionProtocolOptions": {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "explicitHttpConfig": {"http2ProtocolOptions": {"maxConcurrentStreams": 1073741824}}
        }
    },
    "transportSocketMatches": [
        {
            "name": "tlsMode-istio",
            "match": {"tlsMode": "istio"},
            "transportSocket": {
                "name": "envoy.transport_sockets.tls",
                "typedConfig": {
                    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                    "commonTlsContext": {
                        "alpnProtocols": ["istio-peer-exchange", "istio", "h2"],
                        "tlsCertificateSdsSecretConfigs": [{"name": "default"}],
                        "combinedValidationContext": {
                            "defaultValidationContext": {
                                "matchTypedSubjectAltNames": [{"matcher": {"exact": "spiffe://cluster.local/ns/prod/sa/greeter"}}]
                            },
                            "validationContextSdsSecretConfig": {"name": "ROOTCA"},
                        },
                    },
                    "sni": "outbound_.50051_._.greeter.prod.svc.cluster.local",
                },
            },
        },
        {"name": "tlsMode-disabled", "match": {}, "transportSocket": {"name": "envoy.transport_sockets.raw_buffer"}},
    ],
}  # fmt: skip
ENDPOINTS = {
    "clusterName": "outbound|50051||greeter.prod.svc.cluster.local",
    "endpoints": [
        {
            "lbEndpoints": [
                {
                    "endpoint": {"address": {"socketAddress": {"address": "10.1.2.3", "portValue": 50051}}},
                    "metadata": {"filterMetadata": {"envoy.transport_socket_match": {"tlsMode": "istio"}}},
                    "healthStatus": "HEALTHY",
                }
            ]
        }
    ],
}
LISTENER = {
    "name": "0.0.0.0_50051",
    "address": {"socketAddress": {"address": "0.0.0.0", "portValue": 50051}},
    "filterChains": [
        {
            "filters": [
                {
                    "name": "envoy.filters.network.http_connection_manager",
                    "typedConfig": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3."
                        "HttpConnectionManager",
                        "statPrefix": "outbound_0.0.0.0_50051;",
                        "rds": {"routeConfigName": "50051"},
                        "streamIdleTimeout": "0s",
                        "httpFilters": [{"name": "istio.alpn"}, {"name": "envoy.filters.http.router"}],
                    },
                }
            ]
        }
    ],
    "trafficDirection": "OUTBOUND",
    "bindToPort": False,
}
ROUTES = {
    "name": "50051",
    "virtualHosts": [
        {
            "name": "greeter.prod.svc.cluster.local:50051",
            "domains": ["greeter.prod.svc.cluster.local", "greeter"],
            "routes": [
                {
                    "match": {"prefix": "/"},
                    "route": {
                        "cluster": "outbound|50051||greeter.prod.svc.cluster.local",
                        "timeout": "0s",
                        "maxStreamDuration": {"maxStreamDuration": "0s", "grpcTimeoutHeaderMax": "0s"},
                        "retryPolicy": {"retryOn": "connect-failure,refused-stream", "numRetries": 2},
                    },
                }
            ],
        }
    ],
    "ignorePortInHostMatching": True,
}
STATUS = {
    "name": "outbound|50051||greeter.prod.svc.cluster.local",
    "addedViaApi": True,
    "hostStatuses": [
        {
            "address": {"socketAddress": {"address": "10.1.2.3", "portValue": 50051}},
            "stats": [{"name": "rq_total", "value": "12"}, {"name": "cx_connect_fail"}],
            "healthStatus": {"failedOutlierCheck": True, "edsHealthStatus": "HEALTHY"},
        }
    ],
}
BOOTSTRAP = {
    "bootstrap": {
        "node": {"id": "sidecar~10.1.2.3~web-0.prod~prod.svc.cluster.local", "metadata": {"ISTIO_VERSION": "1.30.0"}},
        "statsConfig": {"statsMatcher": {"inclusionList": {}}},
    }
}
KEY_PAIR = {"privateKey": {"inlineBytes": "c2VjcmV0"}}
SECRETS = {"dynamicActiveSecrets": [{"name": "default", "secret": {"name": "default", "tlsCertificate": KEY_PAIR}}]}


def write(folder: Path, **contents: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def read(*words: str | Path, stdin: bytes = b"") -> tuple[Proxy, ...]:
    return read_files([str(word) for word in words], lambda: io.BytesIO(stdin))


def test_what_istioctl_proxy_config_prints_part_by_part_is_one_envoy(tmp_path: Path) -> None:
    (proxy,) = read(
        write(tmp_path, a=[CLUSTER], b=[LISTENER], c=[ROUTES], d=[STATUS], e=BOOTSTRAP, f=SECRETS, g=[ENDPOINTS])
    )
    (cluster,) = proxy.clusters
    assert cluster.http.version is HttpVersion.H2
    (endpoint,) = cluster.endpoints
    assert (endpoint.ejected, endpoint.healthy, endpoint.count("rq_total")) == (True, False, 12)
    tls = cluster.tls_to(endpoint)
    assert tls is not None
    assert tls.is_mutual
    assert tls.validation.trusted_ca == "ROOTCA"
    assert tls.validation.names == ("spiffe://cluster.local/ns/prod/sa/greeter",)
    (listener,) = proxy.listeners
    assert (listener.port, listener.binds, listener.direction) == (50051, False, "OUTBOUND")
    assert proxy.routes_of(listener.chains[0].http) is not None  # type: ignore[arg-type]
    assert (proxy.server.role, proxy.server.istio_version) == ("sidecar", "1.30.0")
    assert proxy.stats.hidden
    assert [(item.name, item.kind) for item in proxy.secrets] == [("default", "certificate")]


def test_a_request_is_routed_by_what_istioctl_printed(tmp_path: Path) -> None:
    from grpcdoctor.envoy.request import Outcome, route_request

    (proxy,) = read(write(tmp_path, a=[CLUSTER], b=[LISTENER], c=[ROUTES], g=[ENDPOINTS]))
    found = route_request(proxy, "greeter", "/shop.Greeter/Hello", port=50051)
    assert found.outcome is Outcome.FORWARDED
    assert found.destinations[0].cluster is proxy.clusters[0]
    words = {item.name: item.limit.words for item in found.limits if item.owner == "route"}
    assert words == {"timeout": "off", "max_stream_duration": "off", "grpc_timeout_header_max": "off"}


def test_a_bug_report_is_an_envoy_a_folder(tmp_path: Path) -> None:
    dump = {"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump"}]}
    for pod in ("web-0", "web-1"):
        write(tmp_path / "proxies" / "prod" / pod, config_dump=dump, proxy_log="2026 info started\n", clusters="")
    write(tmp_path / "istio", istiod_log="error\n")
    found = read(tmp_path)
    assert [proxy.name.rpartition("/")[2] for proxy in found] == ["config_dump", "config_dump"]
    (spot,) = found[0].blind_spots
    assert not spot.blocks_verdict
    assert "and 2 more" in spot.what


def test_two_dumps_in_one_folder_are_two_envoys(tmp_path: Path) -> None:
    folder = write(tmp_path, a=[CLUSTER], b=[{**CLUSTER, "name": "other"}])
    assert [proxy.clusters[0].name for proxy in read(folder)] == [CLUSTER["name"], "other"]


def test_standard_input_packed_and_concatenated_documents_are_read() -> None:
    text = json.dumps([CLUSTER]) + "\n" + json.dumps([LISTENER])
    (proxy,) = read("-", stdin=gzip.compress(text.encode()))
    assert proxy.name == "standard input"
    assert (len(proxy.clusters), len(proxy.listeners)) == (1, 1)


def test_a_dump_of_one_resource_is_read() -> None:
    item = {"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump.DynamicCluster", "cluster": CLUSTER}
    answers = recognise(json.dumps({"configs": [item]}))
    assert answers is not None
    assert len(Proxy(answers).clusters) == 1


ELSE = ("", "hello", "{}", "[]", "null", "5", '{"a": 1}', "a: b\n", "kind: Pod\nspec: {}\n", "[" * 200_000,
        '[2026-11-25T00:00:00Z] "POST /x HTTP/2" 200 - via_upstream',
        '{"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {}}', "VmSize: 12\nio.max: 5\n",
        '{"level": "info", "type": "STATIC"}\n{"level": "info", "cluster_name": "a", "upstream": "b"}',
        '[{"kind": "Service", "apiVersion": "v1", "name": "x", "type": "EDS"}]')  # fmt: skip


@pytest.mark.parametrize("content", ELSE, ids=range(len(ELSE)))
def test_what_is_no_answer_of_an_envoy_is_not_taken_for_one(content: str) -> None:
    assert recognise(content) is None


def test_a_file_of_something_else_is_said_in_one_line(tmp_path: Path) -> None:
    folder = write(tmp_path, notes="hello", a=[CLUSTER], broken='{"configs": [')
    (proxy,) = read(folder / "a", folder / "notes", folder / "broken")
    assert {spot.why for spot in proxy.blind_spots} == {"no answer of an Envoy's admin API", "JSON that is broken off"}
    assert all(spot.blocks_verdict for spot in proxy.blind_spots)


@pytest.mark.parametrize("word", ["missing.json", "empty", "notes"])
def test_where_there_is_nothing_to_read_the_reason_is_one_line(word: str, tmp_path: Path) -> None:
    write(tmp_path, notes="hello")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FilesError) as wrong:
        read(tmp_path / word)
    assert "\n" not in str(wrong.value)
    assert word in str(wrong.value)
