"""What the lab's real Envoy, nginx and haproxy write is read: every format of the same calls says the same."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from grpcdoctor.texts.access_log import Entry, Outcome, parse_line
from grpcdoctor.texts.access_log.outcome import outcome_of
from tests.lab import envoy_config, raw_client
from tests.lab.backends import Backends
from tests.lab.certificates import lab_certificates
from tests.lab.envoy_scenarios import LISTENERS, clusters
from tests.lab.processes import answers, free_port, require_program, run

SCENARIOS = ("healthy-h2c", "upstream-refused", "no-endpoints", "no-route-path", "rbac-deny-all", "route-timeout-0",
             "http1-to-grpc", "backend-unauthenticated", "tls-to-plaintext", "cluster-missing")  # fmt: skip
# As in Istio's mesh configuration; the end of the line is part of the format.
ISTIO_TEXT = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
    '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% '
    '%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" '
    '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% '
    "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"
)
JSON = {
    "start_time": "%START_TIME%", "method": "%REQ(:METHOD)%", "path": "%REQ(:PATH)%", "protocol": "%PROTOCOL%",
    "response_code": "%RESPONSE_CODE%", "response_flags": "%RESPONSE_FLAGS%", "duration": "%DURATION%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%", "bytes_received": "%BYTES_RECEIVED%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%", "bytes_sent": "%BYTES_SENT%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%", "authority": "%REQ(:AUTHORITY)%",
    "upstream_host": "%UPSTREAM_HOST%", "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "requested_server_name": "%REQUESTED_SERVER_NAME%", "grpcStatus": "%GRPC_STATUS%",
}  # fmt: skip
LONG_JSON = {"when": "%START_TIME%", "flags": "%RESPONSE_FLAGS_LONG%", "status": "%RESPONSE_CODE%", "p": "%PROTOCOL%",
             "url": "%REQ(:PATH)%", "grpc": "%GRPC_STATUS_NUMBER%", "why": "%RESPONSE_CODE_DETAILS%",
             "host": "%REQ(:AUTHORITY)%"}  # fmt: skip
FORMATS: dict[str, object] = {
    "istio-text": {"text_format_source": {"inline_string": ISTIO_TEXT}},
    "envoy-text": None,
    "json": {"json_format": JSON},
    "long": {"json_format": LONG_JSON},
}
EXPECTED = {
    "healthy-h2c": Outcome.OK,
    "route-timeout-0": Outcome.OK,
    "backend-unauthenticated": Outcome.APPLICATION,
}


def _access_log(path: Path, shape: object) -> envoy_config.Json:
    kind = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
    typed = {"@type": kind, "path": str(path), **({"log_format": shape} if shape else {})}
    return {"name": "envoy.access_loggers.file", "typed_config": typed}


@contextmanager
def _envoy(folder: Path, backends: Backends) -> Iterator[dict[str, int]]:
    certificates, program = lab_certificates(), require_program("envoy")
    ports, listeners = {}, []
    for name in SCENARIOS:
        logs = [_access_log(folder / f"{name}.{kind}", shape) for kind, shape in FORMATS.items()]
        scenario = replace(LISTENERS[name], manager={**LISTENERS[name].manager, "access_log": logs})
        listener = envoy_config.listener(name, scenario, certificates, "")
        ports[name] = listener["address"]["socket_address"]["port_value"] = free_port()
        listeners.append(listener)
    config = folder / "envoy.json"
    config.write_text(json.dumps(envoy_config.bootstrap(listeners, clusters(backends, certificates))))
    command = [program, "-c", str(config), "--disable-hot-restart", "--concurrency", "1", "-l", "error"]
    with run("envoy", [*command, "--file-flush-interval-msec", "50"], lambda: all(map(answers, ports.values()))):
        yield ports


def _entry_in(path: Path) -> Entry:
    """The first entry that has a path: the lab's wait for the port may have left a line of its own."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        text = path.read_text() if path.exists() else ""
        for line in text.splitlines(keepends=True):
            entry = parse_line(line) if line.endswith("\n") else None
            if entry is not None and entry.path:
                return entry
        time.sleep(0.05)
    raise AssertionError(f"no entry in {path}: {path.read_text()!r}")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, backends: Backends) -> dict[tuple[str, str], Entry]:
    """(scenario, format) -> what one call left."""
    folder = tmp_path_factory.mktemp("envoy")
    with _envoy(folder, backends) as ports:
        for port in ports.values():
            raw_client.call(port)
        return {(name, kind): _entry_in(folder / f"{name}.{kind}") for name in SCENARIOS for kind in FORMATS}


@pytest.mark.needs("envoy")
@pytest.mark.parametrize("name", SCENARIOS)
def test_envoys_formats_say_the_same(written: dict[tuple[str, str], Entry], name: str) -> None:
    text, default, structured, long = (written[name, kind] for kind in FORMATS)
    assert (text.source, default.source, structured.source) == ("istio-text", "envoy-text", "istio-json")
    common = ("path", "response_code", "flags", "authority", "protocol")
    assert {tuple(getattr(entry, field) for field in common) for entry in (text, default, structured, long)} == {
        tuple(getattr(text, field) for field in common)
    }
    detailed = ("code_details", "transport_failure_reason", "upstream_cluster", "upstream_host", "bytes_sent")
    assert [getattr(text, field) for field in detailed] == [getattr(structured, field) for field in detailed]
    assert structured.grpc_status == long.grpc_status
    assert text.time is not None
    assert abs(text.time - time.time()) < 600


@pytest.mark.needs("envoy")
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_outcome_is_the_scenarios(written: dict[tuple[str, str], Entry], name: str) -> None:
    assert outcome_of(written[name, "json"]) is EXPECTED.get(name, Outcome.PROXY)


NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
log_format upstreaminfo '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
  '"$http_user_agent" $request_length $request_time [lab-grpc-1] [] $upstream_addr $upstream_response_length '
  '$upstream_response_time $upstream_status $request_id';
client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
server {{ listen 127.0.0.1:{port} http2; access_log {folder}/combined combined;
access_log {folder}/upstreaminfo upstreaminfo; location / {{ grpc_pass grpc://127.0.0.1:{backend}; }} }}
}}
"""


@pytest.mark.needs("nginx")
@pytest.mark.parametrize("healthy", [True, False])
def test_nginxs_formats_are_read(tmp_path: Path, backends: Backends, healthy: bool) -> None:
    port, backend = free_port(), backends.h2c if healthy else backends.closed
    (tmp_path / "conf").write_text(NGINX.format(folder=tmp_path, port=port, backend=backend))
    command = [require_program("nginx"), "-p", str(tmp_path), "-e", "stderr", "-c", str(tmp_path / "conf")]
    with run("nginx", command, lambda: answers(port)):
        raw_client.call(port)
        combined, more = _entry_in(tmp_path / "combined"), _entry_in(tmp_path / "upstreaminfo")
    assert (combined.source, more.source) == ("nginx", "ingress-nginx")
    for entry in (combined, more):
        assert (entry.path, entry.protocol) == ("/lab.Greeter/SayHello", "HTTP/2.0")
        assert entry.response_code == (200 if healthy else 502)
        assert outcome_of(entry) is (Outcome.OK if healthy else Outcome.PROXY)
    assert more.upstream_host == f"127.0.0.1:{backend}"


@pytest.mark.needs("haproxy")
@pytest.mark.parametrize("healthy", [True, False])
def test_haproxys_httplog_is_read(tmp_path: Path, backends: Backends, healthy: bool) -> None:
    port, backend = free_port(), backends.h2c if healthy else backends.closed
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as syslog:
        syslog.bind(("127.0.0.1", 0))
        syslog.settimeout(10)
        (tmp_path / "cfg").write_text(
            f"global\n  log 127.0.0.1:{syslog.getsockname()[1]} local0\ndefaults\n  mode http\n  log global\n"
            f"  option httplog\n  timeout connect 1s\n  timeout client 5s\n  timeout server 5s\n  retries 0\n"
            f"frontend fe\n  bind 127.0.0.1:{port} proto h2\n  default_backend be\n"
            f"backend be\n  server only 127.0.0.1:{backend} proto h2\n"
        )
        with run("haproxy", [require_program("haproxy"), "-db", "-f", str(tmp_path / "cfg")], lambda: answers(port)):
            raw_client.call(port)
            entry = None
            while entry is None or not entry.path:
                entry = parse_line(syslog.recv(65536).decode())
    assert (entry.source, entry.upstream_cluster, entry.path) == ("haproxy", "be", "/lab.Greeter/SayHello")
    assert entry.response_code == (200 if healthy else 503)
    assert outcome_of(entry) is (Outcome.OK if healthy else Outcome.PROXY)
