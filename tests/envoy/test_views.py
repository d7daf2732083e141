"""Views of an Envoy: which field decides, which default counts, and that nothing in a dump can stop them."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from grpcdoctor.diagnosis.envoy_inspection import AskedRequest, EnvoyOptions, inspect_envoy
from grpcdoctor.envoy.answers import Answers
from grpcdoctor.envoy.clusters import HttpVersion
from grpcdoctor.envoy.files import read_files
from grpcdoctor.envoy.regex import full_match
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.envoy.stats import Stats
from tests.envoy.shapes import proxy_of
from tests.envoy.test_dumps import DUMPS, VERSIONS

Json = dict[str, Any]
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def options(**fields: Any) -> Json:
    return {"typed_extension_protocol_options": {OPTIONS: fields}}


@pytest.mark.parametrize(
    ("raw", "version", "field"),
    [
        ({}, HttpVersion.HTTP1, ""),
        (options(explicit_http_config={"http2_protocol_options": {}}), HttpVersion.H2,
         "HttpProtocolOptions.explicit_http_config.http2_protocol_options"),
        (options(explicit_http_config={"http_protocol_options": {}}), HttpVersion.HTTP1,
         "HttpProtocolOptions.explicit_http_config.http_protocol_options"),
        (options(explicit_http_config={"http3_protocol_options": {}}), HttpVersion.H3,
         "HttpProtocolOptions.explicit_http_config.http3_protocol_options"),
        (options(use_downstream_protocol_config={"http_protocol_options": {}, "http2_protocol_options": {}}),
         HttpVersion.SAME, "HttpProtocolOptions.use_downstream_protocol_config"),
        (options(auto_config={}), HttpVersion.BY_ALPN, "HttpProtocolOptions.auto_config"),
        ({"http2_protocol_options": {}}, HttpVersion.H2, "http2_protocol_options"),
        ({"protocol_selection": "USE_DOWNSTREAM_PROTOCOL", "http2_protocol_options": {}}, HttpVersion.SAME,
         "protocol_selection"),
    ],
)  # fmt: skip
def test_the_version_spoken_upstream_has_one_field_that_decides(raw: Json, version: HttpVersion, field: str) -> None:
    (cluster,) = proxy_of({"clusters": [{"name": "a", **raw}]}).clusters
    assert (cluster.http.version, cluster.http.field) == (version, field)


def test_options_without_a_version_mean_http1() -> None:
    (cluster,) = proxy_of({"clusters": [{"name": "a", **options(common_http_protocol_options={})}]}).clusters
    assert cluster.http.version is HttpVersion.HTTP1
    assert "default" in cluster.http.field


@pytest.mark.parametrize(
    ("socket", "name"),
    [
        ({"name": "envoy.transport_sockets.raw_buffer"}, None),
        ({"name": "tls", "typed_config": {"@type": "type.googleapis.com/x.UpstreamTlsContext"}}, "tls"),
        ({"name": "pp", "typed_config": {"@type": "x.UpstreamProxyProtocolTransport", "transport_socket":
            {"name": "tls", "typed_config": {"@type": "x.UpstreamTlsContext"}}}}, "tls"),
        ({"name": "pp", "typed_config": {"@type": "x.Y", "transport_socket": {"name": "raw_buffer"}}}, None),
        ({"name": "envoy.transport_sockets.alts", "typed_config": {"@type": "type.googleapis.com/x.Alts"}}, "alts"),
    ],
)  # fmt: skip
def test_tls_is_seen_through_the_sockets_that_wrap_it(socket: Json, name: str | None) -> None:
    (cluster,) = proxy_of({"clusters": [{"name": "a", "transport_socket": socket}]}).clusters
    assert (cluster.tls.kind if cluster.tls else None) == name


@pytest.mark.parametrize(
    "name",
    [
        "cluster.outbound|50051||greeter.prod.svc.cluster.local.upstream_cx_connect_fail",
        "cluster.outbound|50051||greeter.prod.svc.cluster.local;.upstream_cx_connect_fail",
    ],
)
def test_a_counter_is_found_however_istio_ends_the_name(name: str) -> None:
    stats = Stats({name: 7})
    assert stats.cluster("outbound|50051||greeter.prod.svc.cluster.local", "upstream_cx_connect_fail") == 7


def test_a_gauge_that_ran_below_zero_is_zero() -> None:
    assert Stats({"cluster.a.upstream_cx_active": 2**64 - 3}).cluster("a", "upstream_cx_active") == 0


@pytest.mark.parametrize(
    ("pattern", "text", "wanted"),
    [
        (r"/api/v[0-9]+/x", "/api/v12/x", True),
        (r"^/a$", "/a", True),
        (r"/a{2,3}", "/aaaa", False),
        (r"(?i)/ABC", "/abc", True),
        (r"[^/]+", "a/b", False),
        (r"[[:alpha:]]+", "abc", True),
        (r".*\.(jpg|png)", "/a/b.png", True),
        (r"(a|b|)c", "c", True),
        (r"a**", "aaa", True),
        (r"(?P<id>\d+)", "12", True),
        (r"\pL", "a", None),
        (r"(?=a)a", "a", None),
        (r"(", "a", None),
        (r"a{1001}", "a", None),
        ("a" * 5000, "a", None),
        (r"(x+x+)+y", "x" * 3000, False),
        (r"(.*)(.*)(.*)(.*)(.*)!", "x" * 8000, False),
        ("(" * 5000, "a", None),
    ],
)
def test_patterns_are_matched_as_re2_does_or_not_at_all(pattern: str, text: str, wanted: bool | None) -> None:
    assert full_match(pattern, text) is wanted


def mutated(value: Any, dice: random.Random) -> Any:
    """The value with one part somewhere in it of another type, or gone."""
    if isinstance(value, dict) and value and dice.random() < 0.95:
        key = dice.choice(list(value))
        if dice.random() < 0.05:
            return {name: item for name, item in value.items() if name != key}
        return {**value, key: mutated(value[key], dice)}
    if isinstance(value, list) and value and dice.random() < 0.95:
        index = dice.randrange(len(value))
        return [*value[:index], mutated(value[index], dice), *value[index + 1 :]]
    return dice.choice([None, 5, -1, 10**30, 1e308, True, "text", "", [], {}, [None], [[]], {"a": None}, "9" * 50])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["lab", "dynamic"])
def test_no_value_of_a_wrong_type_anywhere_stops_anything(version: str, kind: str) -> None:
    """Every view, every rule, the report and a routed request, over dumps with something wrong in them."""
    import io

    (whole,) = read_files([str(DUMPS / version / kind)], io.BytesIO)
    answers = whole.answers
    wanted = EnvoyOptions(request=AskedRequest("x", "a.shop.example.test", "/shop.Cart/Add", tls=None))
    dice = random.Random(version + kind)
    for _ in range(60 if kind == "dynamic" else 15):
        sections = copy.copy(dict(answers.sections))
        for _ in range(8):
            name = dice.choice(list(sections))
            changed = mutated(sections[name], dice)
            sections[name] = changed if isinstance(changed, dict) else {}
        statuses = mutated(list(answers.clusters or ()), dice)
        clusters = [item for item in statuses if isinstance(item, dict)] if isinstance(statuses, list) else []
        rest = (answers.listeners, answers.stats, answers.certs, answers.server_info)
        broken = Answers(sections, tuple(clusters), *rest)
        report = inspect_envoy(Proxy(broken, "broken"), wanted)
        bugs = [spot for spot in report.blind_spots if "bug" in spot.why or "Error" in spot.why]
        assert bugs == []
