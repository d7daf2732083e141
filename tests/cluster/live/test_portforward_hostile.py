"""Tunnels that never come about: whatever stands where the API server should be, one line within the deadline."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from grpcdoctor.cluster.live.connection import Connection
from tests.cluster.live.pod_servers import Talk, in_the_pod, refusal
from tests.lab.connect_proxy import connect_proxy
from tests.lab.kube_api import TOKEN, unreachable_port, write_kubeconfig

GOOD_HEAD = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


def connection_to(port: int, folder: Path, **cluster: str) -> Connection:
    """Without a greeting: what is there is no API server."""
    from grpcdoctor.cluster.live.kubeconfig import read_context
    from grpcdoctor.cluster.live.login import log_in

    server = {"server": f"http://127.0.0.1:{port}", **cluster}
    path = write_kubeconfig(folder / "hostile.yaml", server, {"token": TOKEN})
    return Connection(log_in(read_context([path], None)), "lab")


def sending(answer: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)
        connection.recv(1)

    return talk


def dripping(connection: socket.socket) -> None:
    connection.recv(65536)
    for byte in GOOD_HEAD * 100:
        connection.sendall(bytes([byte]))
        time.sleep(0.02)


def endless(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(GOOD_HEAD)
    while True:
        connection.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")


@pytest.mark.parametrize(
    ("talk", "kind", "words"),
    [
        (dripping, "timeout", "has not opened the tunnel in time"),
        (endless, "garbage", "a head without end"),
        (sending(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "garbage", "does not speak HTTP"),
        (sending(GOOD_HEAD + b"Sec-WebSocket-Accept: no\r\n\r\n"), "garbage", "something that is no WebSocket"),
        (sending(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 99999\r\n\r\n{"), "forbidden", "without a word"),
        (sending(b"HTTP/1.1 502 x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnope\r\n0\r\n\r\n"), "server", "nope"),
        (sending(b"HTTP/1.1 503 x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "server", "without a word"),
        (lambda connection: None, "dropped", "closed the connection instead"),
    ],
    ids=["dripping", "endless", "ssh", "accept", "short body", "chunked", "bad chunks", "closed"],
)
def test_what_is_no_api_server_is_told_within_the_deadline(
    talk: Talk, kind: str, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with in_the_pod(talk) as port, connection_to(port, tmp_path) as connection:
        refused = refusal(connection, seconds=1.5)
    assert (refused.kind, words in refused.text) == (kind, True), refused.text
    assert capfd.readouterr().err == ""


def test_a_subprotocol_that_was_not_offered_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grpcdoctor.cluster.live.upgrade.accept_of", lambda key: "yes")
    answer = GOOD_HEAD + b"Sec-WebSocket-Accept: yes\r\nSec-WebSocket-Protocol: v4.base64.channel.k8s.io\r\n\r\n"
    with in_the_pod(sending(answer)) as port, connection_to(port, tmp_path) as other:
        assert 'the subprotocol "v4.base64.channel.k8s.io"' in refusal(other).text


def test_a_proxy_that_refuses_is_named_without_its_password(tmp_path: Path) -> None:
    with connect_proxy(refuse="407 Proxy Authentication Required") as proxy:
        url = f"http://me:pass-in-url@127.0.0.1:{proxy.port}"
        with connection_to(1, tmp_path, **{"proxy-url": url}) as connection:
            refused = refusal(connection)
        assert (refused.kind, "407 Proxy Authentication Required" in refused.text) == ("unreachable", True)
        assert "pass-in-url" not in refused.text
        assert "Basic " in proxy.requests[0]


def test_an_api_server_that_is_gone_is_told_as_such(tmp_path: Path) -> None:
    with connection_to(unreachable_port(), tmp_path) as gone:
        refused = refusal(gone)
    assert refused.kind == "unreachable"
    assert "connection refused" in refused.text
