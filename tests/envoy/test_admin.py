"""Asking an admin API: only GETs on one connection, bounded, and whatever is missing is a blind spot that says why."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from grpcdoctor.envoy import admin
from grpcdoctor.envoy.admin import AdminError, connect_to, read_admin, read_over
from grpcdoctor.envoy.snapshot import Proxy

ANSWERS = {
    "/server_info": '{"version": "abc/1.40.0/Clean/RELEASE/BoringSSL", "state": "LIVE", "uptime_all_epochs": "5s"}',
    "/ready": "LIVE\n",
    "/config_dump?include_eds": '{"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump"}]}',
    "/clusters?format=json": '{"cluster_statuses": [{"name": "a"}]}',
    "/listeners?format=json": '{"listener_statuses": []}',
    "/stats?format=json&usedonly": '{"stats": [{"name": "server.live", "value": 1}]}',
    "/certs": '{"certificates": []}',
}


class Admin:
    """An admin API that answers what it is told."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.asked: list[str] = []
        self.connections = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer.connections += 1

            def do_GET(self) -> None:
                outer.asked.append(self.path)
                answer = answers.get(self.path, (404, "no such thing"))
                if callable(answer):
                    answer(self)
                    return
                status, text = (200, answer) if isinstance(answer, str) else answer
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def admin_of(**changes: Any) -> Iterator[Admin]:
    """All answers, some of them changed; the names are those of the endpoints."""
    answers: dict[str, Any] = dict(ANSWERS)
    for name, answer in changes.items():
        for path in [path for path in answers if path.partition("?")[0] == f"/{name}"]:
            answers[path] = answer
    found = Admin(answers)
    thread = threading.Thread(target=found.server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield found
    finally:
        found.server.shutdown()
        thread.join()
        found.server.server_close()


def spots(proxy: Proxy) -> dict[str, str]:
    return {spot.why.partition(":")[0].strip("/"): spot.why.partition(": ")[2] for spot in proxy.blind_spots}


def test_everything_is_asked_on_one_connection_and_only_with_get() -> None:
    with admin_of() as server:
        proxy = read_admin(server.url)
    assert proxy.blind_spots == ()
    assert proxy.server.version == "1.40.0"
    assert proxy.server.state == "LIVE"
    assert proxy.stats.value("server.live") == 1
    assert sorted(server.asked) == sorted(ANSWERS)
    assert server.connections == 1


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "http://127.0.0.1:{port}/", "http://localhost:{port}/stats"])
def test_an_address_may_be_written_in_several_ways(address: str) -> None:
    with admin_of() as server:
        assert read_admin(address.format(port=server.server.server_port)).server.version == "1.40.0"


def test_an_admin_api_on_a_unix_socket_is_read(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with admin_of() as server, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        relay = threading.Thread(target=_relay_one, args=(listening, server.server.server_port))
        relay.start()
        proxy = read_admin(f"unix:{path}")
        relay.join()
    assert proxy.server.version == "1.40.0"


def _relay_one(listening: socket.socket, port: int) -> None:
    here, _ = listening.accept()
    with here, socket.create_connection(("127.0.0.1", port)) as there:
        pump = threading.Thread(target=_pump, args=(there, here))
        pump.start()
        _pump(here, there)
        pump.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    while data := source.recv(65536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((403, "RBAC: access denied"), "HTTP 403: RBAC: access denied"),
        ((503, "<html>sorry</html>"), "HTTP 503"),
        ("<html>a login page</html>", "not what an Envoy says"),
        ('{"configs": [', "not what an Envoy says"),
        ("[" * 100_000, "not what an Envoy says"),
    ],
)
def test_an_answer_that_is_missing_is_a_blind_spot_with_the_reason(answer: Any, why: str) -> None:
    with admin_of(config_dump=answer) as server:
        proxy = read_admin(server.url)
    assert why in spots(proxy)["config_dump"]
    assert not proxy.answered("config_dump")
    assert proxy.answered("clusters")


def test_an_old_envoy_without_a_parameter_is_asked_again_without_it() -> None:
    answers = {"/clusters": "a::default_priority::max_requests::1024\na::added_via_api::false\n",
               "/config_dump": ANSWERS["/config_dump?include_eds"], "/stats": "server.live: 1\n"}  # fmt: skip
    with admin_of(clusters=(400, "bad"), config_dump=(400, "bad"), stats=(400, "bad")) as server:
        handler: Any = server.server.RequestHandlerClass
        original = handler.do_GET

        def do_get(self: Any) -> None:
            if self.path in answers:
                text = answers[self.path]
                self.send_response(200)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())
            else:
                original(self)

        handler.do_GET = do_get
        proxy = read_admin(server.url)
    assert proxy.blind_spots == ()
    assert [item.name for item in proxy.clusters] == []
    assert proxy.answers.clusters is not None
    assert proxy.stats.value("server.live") == 1


def test_a_connection_that_ends_after_an_answer_is_opened_again() -> None:
    def close(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"LIVE\n")
        handler.close_connection = True

    with admin_of(ready=close) as server:
        proxy = read_admin(server.url)
    assert proxy.blind_spots == ()
    assert server.connections == 2


def test_an_answer_that_is_cut_off_is_no_answer() -> None:
    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"certificates": [')
        handler.close_connection = True

    with admin_of(certs=cut) as server:
        proxy = read_admin(server.url)
    assert spots(proxy) == {"certs": "the answer was cut off"}


def test_an_answer_that_never_ends_ends_with_the_time() -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        try:
            for _ in range(600):
                handler.wfile.write(b" ")
                handler.wfile.flush()
                threading.Event().wait(0.01)
        except OSError:
            pass

    with admin_of(stats=drip) as server:
        proxy = read_admin(server.url, seconds=0.5)
    assert spots(proxy)["stats"] == "no answer in time"
    assert proxy.answered("config_dump")


def test_an_answer_that_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "LARGEST_ANSWER", 1 << 20)
    with admin_of(stats="x" * (2 << 20)) as server:
        proxy = read_admin(server.url)
    assert "larger than 1 MiB" in spots(proxy)["stats"]
    assert proxy.answered("certs")


def test_a_port_that_refuses_says_so_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(AdminError, match=r"^http://127.0.0.1:\d+: no Envoy's admin API .*: connection refused$"):
            read_admin(f"http://127.0.0.1:{taken.getsockname()[1]}")


def test_something_else_that_speaks_http_is_no_envoy() -> None:
    pages = {path.strip("/").partition("?")[0]: "<html>It works!</html>" for path in ANSWERS}
    with admin_of(**pages) as server, pytest.raises(AdminError, match="no Envoy's admin API"):
        read_admin(server.url)


@pytest.mark.parametrize("address", ["http://x", "http://:80", "http://x:99999", "http://x:port", ""])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(AdminError):
        connect_to(address)


def test_any_dialler_will_do() -> None:
    """A port-forward hands out sockets."""
    with admin_of() as server:
        port = server.server.server_port
        proxy = read_over(lambda seconds: socket.create_connection(("127.0.0.1", port), seconds), "pod/prod/greeter-0")
    assert proxy.name == "pod/prod/greeter-0"
    assert proxy.server.version == "1.40.0"
