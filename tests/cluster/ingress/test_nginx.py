"""ingress-nginx: the annotation decides, in any case; a canary's own does not."""

from __future__ import annotations

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.hops import Spoken, Tls
from grpcdoctor.cluster.ingress.installed import config_of, version_of
from grpcdoctor.cluster.ingress.nginx import BACKEND_PROTOCOL, NGINX, PREFIX
from tests.cluster.ingress.samples import config_map, ingress, ingress_class, rule, rules, spoken, upstream


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("GRPC", (Spoken.H2, Tls.NONE)),
        ("GRPCS", (Spoken.H2, Tls.SIMPLE)),
        ("grpc", (Spoken.H2, Tls.NONE)),
        ("HTTPS", (Spoken.HTTP1, Tls.SIMPLE)),
        ("HTTP", (Spoken.HTTP1, Tls.NONE)),
        ("H2C", (Spoken.HTTP1, Tls.NONE)),
        ("FCGI", (Spoken.UNKNOWN, Tls.NONE)),
    ],
)
def test_the_annotation_decides(value: str, expected: tuple[Spoken, Tls]) -> None:
    assert spoken(ingress("nginx", **{BACKEND_PROTOCOL: value})) == expected


def test_without_it_http1_is_spoken_by_default() -> None:
    found = upstream(ingress("nginx"))
    assert found.spoken is Spoken.HTTP1
    assert found.decision.object is None
    assert "ingress-nginx" in found.decision.reason


def test_the_decision_names_object_and_annotation() -> None:
    decision = upstream(ingress("nginx", **{BACKEND_PROTOCOL: "GRPC"})).decision
    assert decision.object is not None
    assert decision.object.title == "Ingress prod/greeter"
    assert decision.path == ("metadata", "annotations", BACKEND_PROTOCOL)


def test_a_canary_speaks_what_its_main_ingress_says() -> None:
    main = ingress("nginx", **{BACKEND_PROTOCOL: "GRPC"})
    canary = ingress("nginx", "greeter-v2", **{f"{PREFIX}canary": "true", BACKEND_PROTOCOL: "HTTP"})
    canary["metadata"]["name"] = "canary"
    found = {r.object.name: r.backends[0].upstream.spoken for r in rules(main, canary)}
    assert found == {"greeter": Spoken.H2, "canary": Spoken.H2}
    assert spoken(canary)[0] is Spoken.UNKNOWN


def test_tls_of_the_ingress_is_the_entrances() -> None:
    item = ingress("nginx")
    assert (rule(item).entrances[0].port, rule(item).entrances[0].terminates_tls) == (80, False)
    item["spec"]["tls"] = [{"hosts": ["*.example.com"], "secretName": "tls"}]
    assert (rule(item).entrances[0].port, rule(item).entrances[0].terminates_tls) == (443, True)
    item["spec"]["tls"] = [{"hosts": ["b.example.com"], "secretName": "tls"}]
    assert rule(item).entrances[0].terminates_tls is False


def test_passthrough_hands_tls_on_unread_where_the_controller_allows_it() -> None:
    item = ingress("nginx", **{f"{PREFIX}ssl-passthrough": "true"})
    assert spoken(item)[0] is Spoken.TLS
    controller = deployment("v1.11.2", "--publish-service=x")
    assert spoken(item, controller)[0] is Spoken.HTTP1


def test_the_config_map_turns_http2_off() -> None:
    item = ingress("nginx", **{BACKEND_PROTOCOL: "GRPC"})
    off = config_map("ingress-nginx", "ingress-nginx-controller", **{"use-http2": "false"})
    assert rule(item, off).entrances[0].downstream is Spoken.HTTP1
    assert rule(item).entrances[0].downstream is Spoken.H2


def test_the_controllers_argument_names_its_config_map_and_its_image_the_version() -> None:
    controller = deployment("v1.9.4@sha256:0", "--configmap=$(POD_NAMESPACE)/mine")
    cluster = cluster_of([controller, config_map("edge", "mine"), config_map("x", "ingress-nginx-controller")])
    found = config_of(cluster, NGINX)
    assert found is not None
    assert found.full_name == "edge/mine"
    assert version_of(cluster, NGINX) == (1, 9, 4)


def test_a_rewrite_makes_paths_regular_expressions() -> None:
    item = ingress("nginx", **{f"{PREFIX}rewrite-target": "/$2"})
    item["spec"]["rules"][0]["http"]["paths"][0]["path"] = "/a(/|$)(.*)"
    (match,) = rule(item).matches
    assert match.kind == "regex"
    assert match.takes("/a/pkg.Svc/M") is True


def test_the_longest_path_comes_first_whatever_object_it_is_in() -> None:
    one, other = ingress("nginx"), ingress("nginx")
    other["metadata"]["name"] = "other"
    other["spec"]["rules"][0]["http"]["paths"][0]["path"] = "/shop.Greeter"
    assert [r.matches[0].value for r in rules(one, other)] == ["/shop.Greeter", "/"]


def test_a_class_of_another_name_is_known_by_its_controller() -> None:
    item = ingress("edge", **{BACKEND_PROTOCOL: "GRPC"})
    assert rule(item, ingress_class("edge", "k8s.io/ingress-nginx")).platform == "ingress-nginx"
    assert rule(item, ingress_class("edge", "k8s.io/internal-ingress-nginx")).platform == "ingress-nginx"


def deployment(tag: str, *args: str) -> dict[str, object]:
    container = {"name": "controller", "image": f"registry.k8s.io/ingress-nginx/controller:{tag}", "args": list(args)}
    template = {"metadata": {"labels": {"app": "n"}}, "spec": {"containers": [container]}}
    metadata = {"name": "ingress-nginx-controller", "namespace": "edge"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": template}}
