"""What we may do is asked first, with the one POST that there is, and a "no" is told by its verb and resource."""

from __future__ import annotations

import pytest

from grpcdoctor.cluster.live.connection import Connection
from grpcdoctor.cluster.live.permissions import May, Permission, ask, denials, port_forward_permissions
from grpcdoctor.wire.deadline import Deadline
from tests.lab.kube_api import Fault, KubeApi

GET_TUNNEL = Permission("get", "pods", "portforward", "prod")


@pytest.fixture
def connection(api: KubeApi, connected: object) -> Connection:
    """To an API server that allows everything."""
    assert callable(connected)
    opened: Connection = connected(api)
    return opened


def spots(connection: Connection, version: str = "v1.35.0") -> list[str]:
    found = denials(connection, port_forward_permissions("prod", version), Deadline.after(5))
    assert all(spot.blocks_verdict for spot in found)
    return [spot.why for spot in found]


def test_where_all_is_allowed_there_is_no_blind_spot(connection: Connection, api: KubeApi) -> None:
    assert spots(connection) == []
    asked = [(each["verb"], each["resource"], each["subresource"], each["namespace"]) for each in api.reviews]
    assert asked == [("get", "pods", "portforward", "prod"), ("create", "pods", "portforward", "prod")]


def test_a_no_names_the_verb_and_the_resource(connection: Connection, api: KubeApi) -> None:
    api.denied.add(("create", "pods/portforward"))
    assert spots(connection) == ["you may not create pods/portforward in namespace prod"]
    (spot,) = denials(connection, port_forward_permissions("prod", "v1.35.0"), Deadline.after(5))
    assert spot.decide == "kubectl auth can-i create pods/portforward -n prod"


@pytest.mark.parametrize("version", ["v1.33.1", "v1.34.9+k3s1", "", "v9"])
def test_create_is_asked_for_only_where_the_api_server_wants_it(
    connection: Connection, api: KubeApi, version: str
) -> None:
    api.denied.add(("create", "pods/portforward"))
    assert spots(connection, version) == []


@pytest.mark.parametrize(
    "fault", [Fault(403), Fault(404), Fault(500), Fault(way="html"), Fault(way="dropped"), Fault(way="truncated")]
)
def test_a_review_that_is_refused_itself_leaves_it_to_the_attempt(
    connection: Connection, api: KubeApi, fault: Fault
) -> None:
    api.fail("selfsubjectaccessreviews", fault)
    assert ask(connection, GET_TUNNEL, Deadline.after(5))[0] is May.UNKNOWN
    assert spots(connection) == []


def test_a_review_is_the_only_thing_that_is_posted(connection: Connection, api: KubeApi) -> None:
    ask(connection, GET_TUNNEL, Deadline.after(5))
    posted = [line for line in api.requests if not line.startswith("GET ")]
    assert posted == ["POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"]
