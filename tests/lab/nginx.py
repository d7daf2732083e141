"""One real nginx with a server block for every scenario.

with running_nginx(backends) as nginx:
    nginx.port("404")
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab.certificates import lab_certificates
from tests.lab.gateway import Gateway, starting
from tests.lab.processes import answers, free_port, require_program, run, workdir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.backends import Backends

_UTF8_HTML = "default_type text/html;"


@dataclass(frozen=True)
class Server:
    """One server block: the words after the port in `listen`, and the body."""

    about: str
    listen: str
    body: str

    @property
    def tls(self) -> bool:
        """Whether it speaks TLS."""
        return "ssl" in self.listen.split()


def servers(backends: Backends, folder: Path) -> dict[str, Server]:
    """All scenarios."""
    grpc = f"location / {{ grpc_pass grpc://127.0.0.1:{backends.h2c}; }}"
    grpc_tls = f"location / {{ grpc_pass grpcs://127.0.0.1:{backends.tls}; }}"
    closed = f"location / {{ grpc_pass grpc://127.0.0.1:{backends.closed}; }}"
    http1 = f"location / {{ grpc_pass grpc://127.0.0.1:{backends.http1}; }}"
    proxy = f"location / {{ proxy_pass http://127.0.0.1:{backends.h2c}; }}"
    proxy_tls = f"location / {{ proxy_pass https://127.0.0.1:{backends.tls}; }}"
    wrong_tls = f"location / {{ grpc_pass grpcs://127.0.0.1:{backends.h2c}; }}"
    plain_to_tls = f"location / {{ grpc_pass grpc://127.0.0.1:{backends.tls}; }}"
    slow = f"location / {{ grpc_pass grpc://127.0.0.1:{backends.h2c}; grpc_read_timeout 1s; }}"
    greeter = f"location /lab.Greeter/ {{ grpc_pass grpc://127.0.0.1:{backends.h2c}; }}"
    html = f"location / {{ {_UTF8_HTML} return 200 '<html><body>Welcome to nginx</body></html>'; }}"
    password = f"auth_basic lab; auth_basic_user_file {folder}/users;"
    clients = f"ssl_client_certificate {lab_certificates().ca}; ssl_verify_client on;"
    http2 = "ssl http2"
    return {
        "healthy": Server("healthy: grpc_pass on `ssl http2`", http2, grpc),
        "healthy-h2c": Server("healthy: grpc_pass on `http2` in clear", "http2", grpc),
        "healthy-grpcs": Server("healthy: grpc_pass grpcs:// to a TLS backend", http2, grpc_tls),
        "no-http2": Server("`ssl` without http2", "ssl", grpc),
        "plain-no-http2": Server("in clear without http2", "", grpc),
        "404": Server("nothing is routed: 404 text/html", http2, "location / { return 404; }"),
        "404-h2c": Server("the same in clear", "http2", "location / { return 404; }"),
        "html-200": Server("200 text/html", http2, html),
        "html-200-http1": Server("200 text/html over HTTP/1.1 in clear", "", html),
        "proxy-pass": Server("proxy_pass (HTTP/1.0) to the gRPC backend", http2, proxy),
        "proxy-pass-h2c": Server("the same in clear", "http2", proxy),
        "proxy-pass-tls": Server("proxy_pass https:// to the TLS gRPC backend", http2, proxy_tls),
        "upstream-refused": Server("grpc_pass to a closed port", http2, closed),
        "upstream-http1": Server("grpc_pass to an HTTP/1.1 backend", http2, http1),
        "upstream-tls-to-plaintext": Server("grpcs:// to a plaintext backend", http2, wrong_tls),
        "upstream-plaintext-to-tls": Server("grpc:// to a TLS backend", http2, plain_to_tls),
        "read-timeout": Server("grpc_read_timeout 1 s", http2, slow),
        "https-redirect": Server("301 to https, HTTP/1.1 in clear", "", "return 301 https://localhost$request_uri;"),
        "https-redirect-h2c": Server(
            "301 to https, HTTP/2 in clear", "http2", "return 301 https://localhost$request_uri;"
        ),
        "greeter-only": Server("only /lab.Greeter/ is routed, the rest is 404", http2, greeter),
        "rate-limited": Server("limit_req, exhausted: 503", http2, f"limit_req zone=spent; {grpc}"),
        "rate-limited-429": Server(
            "limit_req, exhausted: 429", http2, f"limit_req zone=spent; limit_req_status 429; {grpc}"
        ),
        "auth-basic": Server("auth_basic: 401", http2, f"{password} {grpc}"),
        "forbidden": Server("deny all: 403", http2, f"deny all; {grpc}"),
        "mtls": Server("client certificate required: 400 text/html", http2, f"{clients} {grpc}"),
        "max-concurrent-streams-1": Server(
            "http2_max_concurrent_streams 1", http2, f"http2_max_concurrent_streams 1; {grpc}"
        ),
    }


@contextlib.contextmanager
def running_nginx(backends: Backends) -> Iterator[Gateway]:
    """nginx, until the block ends."""
    program = require_program("nginx")
    with starting(lambda: _run(program, backends)) as nginx:
        yield nginx


@contextlib.contextmanager
def _run(program: str, backends: Backends) -> Iterator[Gateway]:
    with workdir("nginx") as folder:
        blocks = servers(backends, folder)
        ports, tls = {name: free_port() for name in blocks}, {name: each.tls for name, each in blocks.items()}
        gateway = Gateway(ports, tls, folder / "error.log")
        config = folder / "nginx.conf"
        config.write_text(_config(folder, gateway, blocks))
        (folder / "users").write_text("lab:{PLAIN}lab\n")
        command = [program, "-p", str(folder), "-e", "stderr", "-c", str(config)]
        with run("nginx", command, lambda: answers(gateway.port("healthy"))):
            spend_the_limit(gateway)
            yield gateway


def _config(folder: Path, gateway: Gateway, blocks: dict[str, Server]) -> str:
    certificate = lab_certificates().good
    text = [_HEAD.format(folder=folder, cert=certificate.cert, key=certificate.key)]
    for name, block in blocks.items():
        text.append(f"server {{ listen 127.0.0.1:{gateway.port(name)} {block.listen}; {block.body} }}")
    return "\n".join([*text, "}"])


def spend_the_limit(gateway: Gateway) -> None:
    """The one request a minute (nginx knows no lower rate) that the limit lets through.

    Its key is a constant, so both listeners share it. A test may come more than a minute after the start.
    """
    from tests.lab.raw_client import call

    call(gateway.port("rate-limited"), tls=lab_certificates().client_context())


_HEAD = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
access_log off; server_tokens on;
client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
ssl_certificate {cert}; ssl_certificate_key {key};
limit_req_zone lab zone=spent:64k rate=1r/m;
"""
