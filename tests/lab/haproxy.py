"""One real haproxy with a frontend for every scenario.

with running_haproxy(backends) as haproxy:
    haproxy.port("no-alpn")
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


@dataclass(frozen=True)
class Frontend:
    """One frontend: the words after the port in `bind`, and its rules (or the backend's server line)."""

    about: str
    bind: str
    server: str = ""
    rule: str = ""

    @property
    def tls(self) -> bool:
        """Whether it speaks TLS."""
        return self.bind.startswith("ssl")


def frontends(backends: Backends, pem: Path) -> dict[str, Frontend]:
    """All scenarios."""
    certificates = lab_certificates()
    grpc = f"127.0.0.1:{backends.h2c} proto h2"
    ssl = f"ssl crt {pem}"
    h2 = f"{ssl} alpn h2,http/1.1"
    to_tls = f"127.0.0.1:{backends.tls} ssl verify none"
    verified = f"127.0.0.1:{backends.tls} ssl verify required ca-file {certificates.ca} sni str(localhost) alpn h2"
    return {
        "healthy": Frontend("healthy: `alpn h2` and `proto h2`", h2, grpc),
        "healthy-h2c": Frontend("healthy: in clear, `proto h2` on both sides", "proto h2", grpc),
        "healthy-clear": Frontend("healthy: in clear, HTTP/2 detected by its preface", "", grpc),
        "healthy-tls-backend": Frontend("healthy: TLS with alpn h2 to the backend", h2, verified),
        "mtls": Frontend("client certificate required", f"{h2} verify required ca-file {certificates.ca}", grpc),
        "no-alpn": Frontend("TLS without `alpn`", ssl, grpc),
        "alpn-http1-only": Frontend("TLS with `alpn http/1.1`", f"{ssl} alpn http/1.1", grpc),
        "no-proto-h2": Frontend("HTTP/1.1 to the gRPC backend (no `proto h2`)", h2, f"127.0.0.1:{backends.h2c}"),
        "no-proto-h2-clear": Frontend("the same in clear", "", f"127.0.0.1:{backends.h2c}"),
        "backend-down": Frontend("the backend's port is closed", h2, f"127.0.0.1:{backends.closed} proto h2"),
        "no-server": Frontend("a backend without servers", h2),
        "https-redirect": Frontend(
            "redirect to https, in clear", "", rule="http-request redirect scheme https code 301"
        ),
        "proto-h2-to-tls": Frontend("`proto h2` in clear to a TLS backend", h2, f"127.0.0.1:{backends.tls} proto h2"),
        "tls-to-plaintext": Frontend(
            "TLS to a plaintext backend", h2, f"127.0.0.1:{backends.h2c} ssl verify none alpn h2"
        ),
        "tls-without-alpn": Frontend("TLS without alpn to a TLS gRPC backend", h2, to_tls),
        "h2-to-http1": Frontend("`proto h2` to an HTTP/1.1 backend", h2, f"127.0.0.1:{backends.http1} proto h2"),
        "http1-backend": Frontend("HTTP/1.1 to a web server: 200 text/html", h2, f"127.0.0.1:{backends.http1}"),
        "server-timeout": Frontend("timeout server 1 s", h2, grpc, rule="timeout-server-1s"),
        "deny": Frontend("http-request deny: 403", h2, grpc, rule="http-request deny"),
    }


@contextlib.contextmanager
def running_haproxy(backends: Backends) -> Iterator[Gateway]:
    """haproxy, until the block ends."""
    program = require_program("haproxy")
    with starting(lambda: _run(program, backends)) as haproxy:
        yield haproxy


@contextlib.contextmanager
def _run(program: str, backends: Backends) -> Iterator[Gateway]:
    with workdir("haproxy") as folder:
        good = lab_certificates().good
        pem = folder / "good.pem"
        pem.write_bytes(good.cert.read_bytes() + good.key.read_bytes())
        chosen = frontends(backends, pem)
        ports, tls = {name: free_port() for name in chosen}, {name: each.tls for name, each in chosen.items()}
        gateway = Gateway(ports, tls, folder / "haproxy.log")
        config = folder / "haproxy.cfg"
        config.write_text(_config(gateway, chosen))
        command = [program, "-db", "-f", str(config)]
        with run("haproxy", command, lambda: answers(gateway.port("healthy")), gateway.log):
            yield gateway


def _config(gateway: Gateway, chosen: dict[str, Frontend]) -> str:
    text = [_HEAD]
    for name, each in chosen.items():
        timeout = "1s" if each.rule == "timeout-server-1s" else "10s"
        rule = "" if each.rule == "timeout-server-1s" else each.rule
        server = f"server only {each.server}" if each.server else ""
        text.append(
            f"frontend {name}\n  bind 127.0.0.1:{gateway.port(name)} {each.bind}\n  {rule}\n"
            f"  default_backend to-{name}\nbackend to-{name}\n  timeout server {timeout}\n  {server}\n"
        )
    return "\n".join(text)


_HEAD = """
global
  maxconn 1000
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  timeout connect 1s
  timeout client 10s
  timeout server 10s
  retries 1
"""
