"""Every format is read, behind every prefix and in every wrapping; what is no access log is left alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcdoctor.texts.access_log import Entry, UpstreamCluster, parse_line, upstream_cluster
from tests.texts.access_log.lines import CLUSTER, DETAILS, ENVOY, ISTIO, ISTIO_JSON, NO_ACCESS_LOG, OTHERS, PREFIXES

TIME = 1795581964.123


def parsed(line: str) -> Entry:
    entry = parse_line(line)
    assert entry is not None
    return entry


def test_istios_text_is_read_to_the_last_field() -> None:
    entry = parsed(ISTIO)
    assert entry.time == pytest.approx(TIME)
    assert entry == Entry(
        source="istio-text", time=entry.time, method="POST", path="/lab.Greeter/SayHello", protocol="HTTP/2",
        response_code=503, flags=("UF", "URX"), code_details=DETAILS,
        transport_failure_reason="delayed_connect_error:_Connection_refused", bytes_received=5, bytes_sent=7,
        duration_ms=12, authority="greeter.prod:50051", upstream_host="10.0.0.1:50051", upstream_cluster=CLUSTER,
        route_name="default", user_agent="grpc-go/1.60", downstream_address="10.0.0.9:3333", request_id="abc",
    )  # fmt: skip


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("line", [ISTIO, ENVOY])
def test_a_prefix_changes_nothing(prefix: str, line: str) -> None:
    assert parsed(prefix + line + "\r\n") == parsed(line)


@pytest.mark.parametrize("key", ["log", "message", "textPayload", "line", "MESSAGE"])
def test_a_line_wrapped_in_json_is_the_same_line(key: str) -> None:
    assert parsed(json.dumps({key: ISTIO + "\n", "stream": "stdout", "time": "2020-01-01T00:00:00Z"})) == parsed(ISTIO)


def test_json_wrapped_in_json_is_the_same_line() -> None:
    line = json.dumps(ISTIO_JSON)
    assert parsed(json.dumps({"log": line})) == parsed(json.dumps({"jsonPayload": ISTIO_JSON})) == parsed(line)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_istios_json_says_what_its_text_says(prefix: str) -> None:
    entry = parsed(prefix + json.dumps(ISTIO_JSON))
    assert (entry.source, entry.flags, entry.code_details) == ("istio-json", ("UF", "URX"), DETAILS)
    assert entry.time == pytest.approx(TIME)
    assert (entry.duration_ms, entry.upstream_service_time_ms) == (12, 11)


@pytest.mark.parametrize("source", sorted(OTHERS))
def test_every_other_format_is_known(source: str) -> None:
    line, expected = OTHERS[source]
    entry = parsed(line)
    assert entry.source == source
    assert {name: getattr(entry, name) for name in expected} == expected


@pytest.mark.parametrize("line", NO_ACCESS_LOG)
def test_what_is_no_access_log_is_none(line: str) -> None:
    assert parse_line(line) is None


@given(st.text() | st.builds(lambda a, b, c: a + ISTIO[b:] + c, st.text(), st.integers(0, 400), st.text()))
def test_parsing_never_raises(line: str) -> None:
    parse_line(line)
    parse_line("{" + line + "}")
    parse_line(json.dumps({"path": line, "response_code": line, "flags": [line], "duration": line, "time": line}))


word = st.text(st.characters(whitelist_categories=["L", "N"]), min_size=1, max_size=20)


@given(word, word, st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from(["-", "UF", "UF,URX", "DC"]))
def test_what_is_written_is_read(path: str, authority: str, sent: int, lasted: int, flags: str) -> None:
    line = ENVOY.replace("lab.Greeter/SayHello", path).replace("greeter.prod:50051", authority)
    entry = parsed(line.replace(" 200 - 5 7 12 ", f" 200 {flags} 5 {sent} {lasted} "))
    assert (entry.path, entry.authority, entry.bytes_sent) == ("/" + path, authority, sent)
    assert entry.duration_ms == lasted
    assert ",".join(entry.flags) == flags.strip("-")


def test_a_clusters_name_names_the_service() -> None:
    host = "greeter.prod.svc.cluster.local"
    parts = upstream_cluster(CLUSTER)
    expected = UpstreamCluster(
        CLUSTER, direction="outbound", port=50051, subset="v1", host=host, service="greeter", namespace="prod"
    )
    assert parts._asdict() == expected._asdict()
    assert upstream_cluster("inbound|50051||").port == 50051
    assert upstream_cluster("BlackHoleCluster").special == "black-hole"
    assert upstream_cluster("InboundPassthroughClusterIpv4").special == "inbound-passthrough"
