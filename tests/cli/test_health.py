"""`grpcdoctor health`: what it prints where, and exit codes that scripts can trust."""

from __future__ import annotations

import json
import os
import shlex
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from grpcdoctor.report.schemas import schema
from tests.cli.environment import Environment, Terminal
from tests.cli.test_process import GRPCDOCTOR, interrupted, start
from tests.lab import fakes
from tests.lab.black_hole import black_hole
from tests.lab.certificates import lab_certificates
from tests.lab.fake_http2 import Http2Peer, Request, sane
from tests.lab.grpc_server import Options, grpc_server, grpc_servers
from tests.lab.processes import free_port
from tests.lab.tls_servers import client_certificate_required, terminator
from tests.patience import AT_ONCE

TLS = lab_certificates()
CA = ("--cacert", str(TLS.ca))


def test_a_healthy_server_is_one_line_on_stdout_and_0(env: Environment) -> None:
    with grpc_server() as server:
        result = env.run("health", f"127.0.0.1:{server.port}", "--plaintext")
    assert result.code == 0
    assert result.out.startswith(f"✓ 127.0.0.1:{server.port}  SERVING  ")
    assert result.out.endswith(" ms\n")
    assert result.err == ""


def test_not_serving_is_4_and_needs_no_cause(env: Environment) -> None:
    with grpc_server(status="NOT_SERVING") as server:
        result = env.run("health", f"127.0.0.1:{server.port}", "--plaintext")
        assert env.run("health", f"127.0.0.1:{server.port}", "--plaintext", "--expect", "not_serving").code == 0
    assert result.code == 4
    assert result.out.startswith(f"✗ 127.0.0.1:{server.port}  NOT_SERVING  ")
    assert result.err == ""


def test_an_unknown_service_is_3_and_no_fault_of_the_network(env: Environment) -> None:
    with grpc_server() as server:
        result = env.run("health", f"127.0.0.1:{server.port}", "--plaintext", "--service", "no.Such", "--service", "")
    assert result.code == 3
    assert result.out.splitlines()[0].split() == [
        "✗",
        f"127.0.0.1:{server.port}",
        "no.Such",
        "rpc",
        "failed",
        "NOT_FOUND",
    ]
    assert result.out.splitlines()[1].split()[:4] == ["✓", f"127.0.0.1:{server.port}", "(server)", "SERVING"]
    assert result.err == "the connection is fine: the server knows no service 'no.Such'; --list shows which it knows\n"


def test_no_health_service_is_3(env: Environment) -> None:
    with grpc_server(health=False) as server:
        result = env.run("health", f"127.0.0.1:{server.port}", "--plaintext")
    assert result.code == 3
    assert "  rpc failed     UNIMPLEMENTED: Method not found!\n" in result.out
    assert result.err.startswith("the connection is fine: the server has no health service; ")


def test_a_proxy_that_routes_no_health_is_3_and_not_the_servers_fault(env: Environment) -> None:
    with fakes.http2_answer(404) as server:
        result = env.run("health", f"127.0.0.1:{server.port}", "--plaintext")
    assert result.code == 3
    assert "rpc failed     UNIMPLEMENTED: unexpected HTTP status code received from server: 404" in result.out
    assert "a proxy or web server answered, not the application" in result.err


def test_a_call_that_takes_too_long_is_3(env: Environment) -> None:
    with fakes.no_answer() as server:
        result = env.run("health", f"127.0.0.1:{server.port}", "--plaintext", "--rpc-timeout", "200ms")
    assert result.code == 3
    assert "rpc failed     DEADLINE_EXCEEDED" in result.out


def test_refused_is_2_at_once_with_the_probe_that_proves_it(env: Environment) -> None:
    port = free_port()
    started = time.monotonic()
    result = env.run("health", f"127.0.0.1:{port}", "--plaintext", "--connect-timeout", "60s")
    assert time.monotonic() - started < AT_ONCE
    assert result.code == 2
    assert result.out == f"✗ 127.0.0.1:{port}  tcp failed     connection refused\n"
    assert result.err.startswith("likely cause: the connection is refused: ")
    assert result.err.endswith(f"; proof: grpcdoctor probe --plaintext 127.0.0.1:{port}\n")


def test_a_connection_is_not_told_to_fail_for_a_service(env: Environment) -> None:
    port = free_port()
    result = env.run("health", f"127.0.0.1:{port}", "--plaintext", "--service", "shop.Cart", "--service", "")
    assert result.out == f"✗ 127.0.0.1:{port}             tcp failed     connection refused\n"


def test_a_black_hole_is_2_when_the_time_is_over(env: Environment) -> None:
    with black_hole() as (host, port):
        result = env.run("health", f"{host}:{port}", "--plaintext", "--timeout", "300ms")
    assert result.code == 2
    assert result.out.endswith("  tcp failed     no answer in time\n")


def test_a_name_that_does_not_resolve_is_2(env: Environment) -> None:
    result = env.run("health", "no.such.host.invalid")
    assert result.code == 2
    assert "  dns failed     cannot resolve " in result.out


def test_a_proxy_that_is_not_there_is_2(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    result = env.run("health", "grpc.example.test")
    assert result.code == 2
    assert "  proxy failed   the proxy http://127.0.0.1:" in result.out


def test_plaintext_to_tls_and_tls_to_plaintext_are_2(env: Environment) -> None:
    with grpc_servers(Options(tls=True), Options()) as (secure, clear):
        to_tls = env.run("health", f"127.0.0.1:{secure.port}", "--plaintext")
        to_clear = env.run("health", f"127.0.0.1:{clear.port}")
    assert (to_tls.code, to_clear.code) == (2, 2)
    assert "  http/2 failed  the server closed the connection at the HTTP/2 preface; it may want TLS" in to_tls.out
    assert "TLS" in to_tls.err
    assert "  tls failed     the port speaks HTTP/2 in plaintext, not TLS" in to_clear.out
    assert "ask it with --plaintext" in to_clear.err


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        (TLS.unknown_ca, "unable to get local issuer certificate"),
        (TLS.other_name, 'it is not for "127.0.0.1" but for other.example.test'),
        (TLS.expired, "certificate has expired"),
    ],
    ids=["unknown CA", "wrong name", "expired"],
)
def test_a_certificate_that_does_not_verify_is_2(env: Environment, certificate: Any, words: str) -> None:
    with grpc_server(tls=True, certificate=certificate) as server:
        result = env.run("health", f"127.0.0.1:{server.port}", *CA)
        assert env.run("health", f"127.0.0.1:{server.port}", "--insecure").code == 0
    assert result.code == 2
    assert f"  tls failed     certificate verification failed: {words}\n" in result.out
    assert "; proof: grpcdoctor probe --cacert " in result.err


def test_a_client_certificate_that_is_required_is_2_and_with_it_0(env: Environment) -> None:
    mine = ("--cert", str(TLS.client.cert), "--key", str(TLS.client.key))
    with grpc_server() as backend, client_certificate_required(backend.port, ssl.TLSVersion.TLSv1_3) as server:
        result = env.run("health", f"127.0.0.1:{server.port}", *CA)
        assert env.run("health", f"127.0.0.1:{server.port}", *CA, *mine).code == 0
    assert result.code == 2
    assert "  tls failed     " in result.out
    assert "--cert" in result.err


def test_tls_without_alpn_is_2(env: Environment) -> None:
    with grpc_server() as backend, terminator(backend.port, alpn=()) as server:
        result = env.run("health", f"127.0.0.1:{server.port}", *CA)
    assert result.code == 2
    assert "  alpn failed    TLS works (TLSv1.3), but the server selects no ALPN protocol" in result.out


def test_a_web_server_is_2(env: Environment) -> None:
    with fakes.http1() as server:
        result = env.run("health", f"127.0.0.1:{server.port}", "--plaintext")
    assert result.code == 2
    assert "  http/2 failed  the server speaks HTTP/1.1, not HTTP/2" in result.out


def test_a_connection_is_enough_where_only_that_is_asked(env: Environment) -> None:
    with fakes.no_answer() as server:
        result = env.run("health", f"127.0.0.1:{server.port}", "--plaintext", "--connect-only")
    assert result.code == 0
    assert "  CONNECTED  " in result.out
    assert env.run("health", f"127.0.0.1:{free_port()}", "--plaintext", "--connect-only").code == 2


def test_of_many_targets_that_counts_which_came_least_far(env: Environment, tmp_path: Path) -> None:
    with grpc_servers(Options(), Options(status="NOT_SERVING"), Options(health=False)) as servers:
        good, bad, none = (f"127.0.0.1:{server.port}" for server in servers)
        refused = f"127.0.0.1:{free_port()}"
        listed = tmp_path / "targets"
        listed.write_text(f"{bad}\n# a comment\n{none}\n")
        assert env.run("health", good, bad, "--plaintext").code == 4
        assert env.run("health", "--targets", str(listed), "--plaintext").code == 3
        result = env.run("health", good, bad, none, refused, "--plaintext")
    assert result.code == 2
    assert result.out.endswith("\n\n1 of 4 healthy\n")
    rows = {line.split()[1]: line for line in result.out.splitlines()[:4]}
    assert set(rows) == {good, bad, none, refused}
    assert len({line.index("  ", 3) for line in rows.values() if len(line.split()[1]) == len(good)}) == 1
    assert "cause" not in result.err


def test_few_open_files_make_it_slower_and_no_target_ill(tmp_path: Path) -> None:
    listed = tmp_path / "targets"
    with grpc_server() as server:
        listed.write_text(f"localhost:{server.port}\n" * 300)
        words = (*GRPCDOCTOR, "health", "--plaintext", "--targets", str(listed))
        ended = subprocess.run(
            ["sh", "-c", f"ulimit -n 64; exec {shlex.join(words)}"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.stdout.endswith("\n300 of 300 healthy\n")
    assert ended.returncode == 0


def valid(line: str) -> dict[str, Any]:
    """The object of a line, which keeps to the published schema."""
    found: dict[str, Any] = json.loads(line)
    Draft202012Validator(schema("health")).validate(found)
    return found


def test_a_row_for_a_program(env: Environment) -> None:
    with grpc_server(tls=True, status="NOT_SERVING") as server:
        result = env.run("health", f"127.0.0.1:{server.port}", *CA, "-o", "json")
    assert result.code == 4
    said = valid(result.out)
    assert said["schema"] == "grpcdoctor.health/v1"
    assert said["target"]["endpoint"] == f"127.0.0.1:{server.port}"
    assert (said["healthy"], said["exit_code"], said["stage"]) == (False, 4, None)
    assert said["reason"] == "the status is NOT_SERVING"
    assert [(one["service"], one["status"], one["grpc_status"]) for one in said["services"]] == [
        ("", "NOT_SERVING", "OK")
    ]
    assert said["connection"]["address"] == f"127.0.0.1:{server.port}"
    assert said["connection"]["http_version"] == "2"
    assert said["connection"]["tls"]["alpn"] == "h2"
    assert "localhost" in said["connection"]["tls"]["certificate"]["names"]
    assert said["connection"]["steps_ms"]["tls"] > 0


def test_a_failure_for_a_program_names_the_stage(env: Environment) -> None:
    port = free_port()
    result = env.run("health", f"127.0.0.1:{port}", f"localhost:{port}", "--plaintext", "-o", "json")
    rows = [valid(line) for line in result.out.splitlines()]
    assert [(row["stage"], row["exit_code"], row["connection"]) for row in rows] == [("tcp", 2, None)] * 2
    assert result.code == 2


def test_list_says_where_it_is_not_implemented(env: Environment) -> None:
    with grpc_server() as server:
        result = env.run("health", f"127.0.0.1:{server.port}", "--plaintext", "--list")
    assert result.code == 0
    assert "SERVING" in result.out
    assert "List is not implemented there" in result.err


def test_verbose_tells_of_the_connection(env: Environment) -> None:
    with grpc_server(tls=True) as server:
        result = env.run("health", f"127.0.0.1:{server.port}", *CA, "-v")
    assert f"    127.0.0.1:{server.port}, HTTP/2, TLSv1.3, certificate for localhost," in result.out
    assert "tls " in result.out


def test_waiting_says_once_what_it_waits_for_and_ends_as_the_last_try(env: Environment) -> None:
    port = free_port()
    result = env.run("health", f"127.0.0.1:{port}", "--plaintext", "--wait", "900ms")
    assert result.code == 2
    assert result.errors[0] == f"waiting for 127.0.0.1:{port}: tcp: connection refused"
    assert result.err.count("waiting") == 1
    assert result.out.startswith(f"✗ 127.0.0.1:{port}  tcp failed")


def test_waiting_for_what_is_there_waits_for_nothing(env: Environment) -> None:
    with grpc_server() as server:
        result = env.run("health", f"127.0.0.1:{server.port}", "--plaintext", "--wait", "30s")
    assert (result.code, result.err) == (0, "")


def test_watching_prints_changes_until_ctrl_c(tmp_path: Path) -> None:
    with grpc_server() as server:
        process = start("health", f"127.0.0.1:{server.port}", "--plaintext", "--watch", PYTHONUNBUFFERED="1")
        assert process.stdout is not None
        first = process.stdout.readline()
        out, err, seconds = interrupted(process)
    assert process.returncode == 130
    assert first[:1] == "2"
    assert first.split()[1:4] == ["✓", f"127.0.0.1:{server.port}", "SERVING"]
    assert (out, err) == ("", "")
    assert seconds < AT_ONCE


def test_where_watch_is_not_implemented_it_is_polled_and_said() -> None:
    def respond(peer: Http2Peer, request: Request) -> None:
        if request.path.endswith("Watch"):
            peer.refuse(request.stream, 12, "no Watch here")
        else:
            sane(peer, request)

    with fakes.http2(respond) as server:
        process = start("health", f"127.0.0.1:{server.port}", "--plaintext", "--watch", "-o", "json")
        assert process.stdout is not None
        first = valid(process.stdout.readline())
        _, err, _ = interrupted(process)
    assert process.returncode == 130
    assert list(first)[:2] == ["schema", "time"]
    assert first["healthy"]
    assert err == f"127.0.0.1:{server.port}: Watch is not implemented there; asking with Check every 1 s\n"


def test_colour_and_wrapping_only_on_a_terminal(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda _: os.terminal_size((80, 24)))
    with fakes.http1() as server:
        piped = env.run("health", f"127.0.0.1:{server.port}", "--plaintext").out
        env.out = Terminal
        shown = env.run("health", f"127.0.0.1:{server.port}", "--plaintext").out
        plain = env.run("health", f"127.0.0.1:{server.port}", "--plaintext", "--no-color").out
    assert piped.count("\n") == 1
    assert "\x1b[1;31m" in shown
    assert "\x1b" not in plain
    assert all(len(line) <= 80 for line in plain.splitlines())
    assert " ".join(plain.split()) == " ".join(piped.split())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("", "name a TARGET"),
        ("h --bogus", "No such option"),
        ("h:1 --plaintext --insecure", "--insecure is for TLS"),
        ("h --list --service x", "leave out --service"),
        ("h --connect-only --expect SERVING", "asks for no status"),
        ("h --watch --wait 3s", "leave out one of the two"),
        ("h --expect fine", "is not one of"),
        ("h --wait never", "is no time to wait"),
        ("h -H nocolon", "metadata needs a colon"),
        ("h --cacert /nowhere", "cannot read /nowhere"),
        ("h --targets /nowhere", "cannot read /nowhere"),
        ("h:port", "is not a port"),
    ],
)
def test_a_wrong_command_line_is_1_as_with_grpc_health_probe(env: Environment, words: str, why: str) -> None:
    result = env.run("health", *words.split())
    assert result.code == 1
    assert why in result.errors[0]
    assert result.out == ""


def test_grpc_health_probes_names_are_taken_beside_ours(env: Environment) -> None:
    pair = ("-tls-client-cert", str(TLS.client.cert), "-tls-client-key", str(TLS.client.key))
    with grpc_server(tls=True, client_certificates=True, statuses={"shop.Cart": "SERVING"}) as server:
        result = env.run(
            *("health", f"127.0.0.1:{server.port}", "-tls", f"-tls-ca-cert={TLS.ca}", *pair),
            *("-tls-server-name", "localhost", "-service=shop.Cart", "-connect-timeout", "3s", "--rpc-timeout", "3s"),
            *("-rpc-header", "a: b", "-user-agent", "me", "-gzip"),
        )
    assert result.code == 0, result
