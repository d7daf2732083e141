"""`grpcdoctor envoy` as a user types it: sources, a request's way, formats, exit codes, bad input."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from grpcdoctor.report.json import schema
from tests.cli.environment import Environment
from tests.envoy.test_dumps import DUMPS, VERSIONS
from tests.lab.envoy import Envoy
from tests.table.cluster_behind import behind

LAB, DYNAMIC = str(DUMPS / VERSIONS[-1] / "lab"), str(DUMPS / VERSIONS[-1] / "dynamic")
CART = "a.shop.example.test/shop.Cart/Add"


def report_of(env: Environment, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(env.run("envoy", *arguments, "-o", "json").out)
    return found


def test_a_dump_is_shown_on_one_screen(env: Environment) -> None:
    result = env.run("envoy", LAB, "--fail-on", "never")
    lines = result.out.splitlines()
    assert result.code == 0
    assert "Envoy 1.40" in lines[1]
    assert max(map(len, lines)) <= 80
    assert any("h2, plaintext · by explicit_http_config.http2_protocol_options" in line for line in lines)
    assert any("http/1.1, plaintext · by explicit_http_config.http_protocol_options" in line for line in lines)


def test_all_and_verbose_leave_nothing_out(env: Environment) -> None:
    assert "more listeners" in env.run("envoy", LAB).out
    assert "more listeners" not in env.run("envoy", LAB, "--all").out
    verbose = env.run("envoy", LAB, "-v").out
    assert "rate-limited-grpc" in verbose
    assert "stream_idle_timeout 300 s (default)" in verbose


def test_names_narrow_what_is_shown_and_show_it_in_full(env: Environment) -> None:
    out = env.run("envoy", LAB, "--cluster", "grpc-tls").out
    assert "verified by /lab/ca.pem" in out
    assert "healthy-h2c-codec-http2" not in out
    out = env.run("envoy", LAB, "--listener", "fault-delay").out
    assert "delays 100% by 3 s" in out
    assert "prefix / → cluster grpc" in out


def test_a_refused_update_comes_first_with_its_reason(env: Environment) -> None:
    result = env.run("envoy", DYNAMIC, "--fail-on", "warning")
    assert result.code == 1
    assert result.out.index("envoy-update-rejected") < result.out.index("Listens")
    assert "same\n         matching rules" in result.out or "same matching rules" in result.out


@pytest.mark.parametrize("word", [CART, f"grpcs://{CART}", f"https://{CART}"])
def test_the_way_of_a_request_is_told_step_by_step(env: Environment, word: str) -> None:
    result = env.run("envoy", DYNAMIC, "--request", word, "--listener", "shop", "--fail-on", "never")
    assert result.code == 0
    for step in ("✓ listener  shop", "✓ host      *.shop.example.test", "✓ route     #2 prefix /shop.Cart/"):
        assert step in result.out, result.out
    assert "timeout 30 s" in result.out
    assert "x-canary = 1" in result.out


def test_a_header_leads_to_the_other_route(env: Environment) -> None:
    report = report_of(env, DYNAMIC, "--request", CART, "-H", "X-Canary: 1")
    assert report["envoy"]["request"]["destinations"][0]["cluster"] == "canary"
    assert report["envoy"]["request"]["outcome"] == "cluster missing"


def test_a_request_that_goes_nowhere_fails(env: Environment) -> None:
    result = env.run("envoy", DYNAMIC, "--request", "a.shop.example.test/other.Service/Call")
    assert result.code == 1
    assert "no route" in result.out.splitlines()[0]
    assert "Clients get UNIMPLEMENTED" in result.out


@pytest.mark.parametrize("source", [LAB, DYNAMIC])
@pytest.mark.parametrize("more", [(), ("--request", CART), ("--cluster", "grpc")])
def test_the_json_is_valid(env: Environment, source: str, more: tuple[str, ...]) -> None:
    report = report_of(env, source, *more)
    Draft202012Validator(schema()).validate(report)
    assert report["command"] == "envoy"


def test_json_says_of_every_cluster_what_is_spoken_and_why(env: Environment) -> None:
    clusters = {item["name"]: item for item in report_of(env, LAB)["envoy"]["clusters"]}
    assert (clusters["grpc-tls"]["protocol"], clusters["grpc-tls"]["tls"]) == ("h2", "TLS")
    assert clusters["http1"]["decided_by"] == "HttpProtocolOptions.explicit_http_config.http_protocol_options"
    assert {item["name"] for item in clusters["closed"]["counted"]} == {"upstream_cx_connect_fail"}


@pytest.mark.parametrize("output", ["markdown", "junit", "github", "sarif", "dot", "mermaid", "svg"])
def test_every_format_takes_an_envoy(env: Environment, output: str) -> None:
    result = env.run("envoy", DYNAMIC, "--request", CART, "-o", output)
    assert result.out
    assert "Traceback" not in result.err


def test_several_envoys_are_a_line_each(env: Environment) -> None:
    result = env.run("envoy", str(DUMPS), "--fail-on", "never")
    lines = result.out.splitlines()
    assert [line.split()[1] for line in lines[: 2 * len(VERSIONS)]] == [
        f"{version}/{kind}" for version in VERSIONS for kind in ("dynamic", "lab")
    ]
    lines = env.run("envoy", str(DUMPS), "-o", "json").out.splitlines()
    assert len([json.loads(line) for line in lines]) == 2 * len(VERSIONS)


def test_a_live_envoy_is_read(env: Environment, envoy: Envoy) -> None:
    report = report_of(env, f"http://127.0.0.1:{envoy.admin_port}")
    assert len(report["envoy"]["listeners"]) == len(envoy.ports)
    assert report["blind_spots"] == []


def test_a_file_of_something_else_is_one_line(env: Environment, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("hello", encoding="utf-8")
    result = env.run("envoy", str(tmp_path / "notes"))
    assert result.code == 2
    assert "notes: no answer of an Envoy's admin API" in result.err


def test_a_port_where_nobody_answers_is_one_line(env: Environment) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        result = env.run("envoy", f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert result.code == 2
    assert "connection refused" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("missing.json",),
        ("https://127.0.0.1:9901",),
        (LAB, "--request", "no-path"),
        (LAB, "--request", "ftp://x/y"),
        (LAB, "--request", "/only/path"),
        (LAB, "--request", "x:99999/y"),
        (LAB, "--sni", "x"),
        (LAB, "--request", "x/y", "-H", "nothing"),
        (LAB, "--timeout", "soon"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(env: Environment, arguments: tuple[str, ...]) -> None:
    result = env.run("envoy", *arguments)
    assert result.code == 2
    assert "Traceback" not in result.err


def test_manifests_beside_it_show_where_it_does_otherwise(env: Environment, tmp_path: Path) -> None:
    objects = tmp_path / "objects.json"
    objects.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": behind({})}))
    options: dict[str, Any] = {"explicit_http_config": {"http_protocol_options": {}}}
    cluster = {
        "name": "outbound|50051||greeter.lab.svc.cluster.local",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
    }
    dump = tmp_path / "dump.json"
    dump.write_text(json.dumps([cluster]))
    assert "envoy-differs-from-config" not in env.run("envoy", str(dump)).out
    result = env.run("envoy", str(dump), "-f", str(objects))
    assert result.code == 1
    assert "envoy-differs-from-config" in result.out
    assert "there is no file" in env.run("envoy", str(dump), "-f", str(tmp_path / "nothing.yaml")).err
