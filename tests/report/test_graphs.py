"""The service graph in its three notations: every node and edge once, what breaks marked, nothing unescaped."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from grpcdoctor.model.report import Hop, HopPath, Report
from grpcdoctor.report import dot, mermaid, svg
from grpcdoctor.report.graph import graph_of
from grpcdoctor.report.style import Style
from tests.report import samples

NASTY = 'a "quoted" <b> & \\ #1'


def nasty() -> Report:
    hop = Hop(NASTY, NASTY + "2", "h2", NASTY, None, NASTY, "x", "client", "service")
    return replace(samples.inspected(), paths=(HopPath("h", "r", "", (hop,)),))


def many(count: int) -> Report:
    """A gateway that fans out to so many services."""
    paths = tuple(
        HopPath("h", "r", "", (
            Hop("client", "gateway:443", "h2", "TLS", source_kind="client", destination_kind="gateway"),
            Hop("gateway:443", f"svc-{n}:50051", "h2", source_kind="gateway", destination_kind="service"),
            Hop(f"svc-{n}:50051", "3 pods", "h2", source_kind="service", destination_kind="workload"),
        ))
        for n in range(count)
    )  # fmt: skip
    return replace(samples.inspected(), paths=paths)


def test_every_node_and_edge_is_drawn_once() -> None:
    graph = graph_of(many(50))
    assert len(graph.nodes) == 2 + 1 + 50 + 50  # one route; the pods of a service are its own
    assert len(graph.edges) == 1 + 1 + 50 + 50


def test_a_route_stands_between_gateway_and_service() -> None:
    graph = graph_of(samples.inspected())
    assert [node.kind for node in graph.nodes] == ["client", "gateway", "route", "service", "workload"]


@pytest.mark.parametrize(("tls", "label"), [("auto mTLS", "h2, auto mTLS"), ("unknown", "h2"), (None, "h2")])
def test_an_edge_says_of_tls_what_is_known(tls: str | None, label: str) -> None:
    paths = (HopPath("h", "r", "", (Hop("gateway:443", "shop/cart:50051", "h2", tls),)),)
    [edge] = graph_of(replace(samples.inspected(), paths=paths)).edges
    assert edge.label == label


def test_without_a_cluster_the_hops_of_the_wire_are_drawn() -> None:
    graph = graph_of(samples.broken())
    assert next(node.title for node in graph.nodes) == "client"
    assert graph.edges


def test_what_breaks_is_marked_with_its_rule() -> None:
    report = samples.inspected()
    for render in (dot.render, mermaid.render, svg.render):
        text = render(report, Style())
        assert text.count("✗ service-port-not-http2") == 1
        assert "http/1.1, auto mTLS" in text


def test_svg_is_well_formed_whatever_the_names_are() -> None:
    for report in (nasty(), samples.inspected(), many(200), replace(samples.inspected(), paths=(), hops=())):
        ElementTree.fromstring(svg.render(report, Style()))


def test_no_box_of_the_picture_lies_upon_another() -> None:
    root = ElementTree.fromstring(svg.render(many(40), Style()))
    boxes = [
        tuple(float(box.get(key, "0")) for key in ("x", "y", "width", "height"))
        for box in root.iter("{http://www.w3.org/2000/svg}rect")
        if box.get("class")
    ]
    for number, (x, y, width, height) in enumerate(boxes):
        for x2, y2, width2, height2 in boxes[number + 1 :]:
            assert x + width <= x2 or x2 + width2 <= x or y + height <= y2 or y2 + height2 <= y


def test_mermaid_has_no_quote_of_its_own_inside_a_label() -> None:
    for line in mermaid.render(nasty(), Style()).splitlines():
        assert line.count('"') in (0, 2), line


@pytest.mark.needs("dot")
def test_graphviz_takes_it() -> None:
    program = shutil.which("dot")
    assert program is not None
    for report in (nasty(), samples.inspected(), many(20)):
        text = dot.render(report, Style())
        subprocess.run([program, "-Tsvg"], input=text.encode(), capture_output=True, check=True, timeout=60)


def test_the_labels_of_a_fan_that_ends_in_one_box_stand_apart() -> None:
    spoken = ("h2", "http/1.1", "h2c")
    paths = tuple(
        HopPath("h", f"r{n}", "", (
            Hop("client", f"gateway-{n}:443", "h2", "TLS", source_kind="client", destination_kind="gateway"),
            Hop(f"gateway-{n}:443", "svc:50051", each, source_kind="gateway", destination_kind="service"),
        ))
        for n, each in enumerate(spoken)
    )  # fmt: skip
    tree = ElementTree.fromstring(svg.render(replace(samples.inspected(), paths=paths), Style()))
    texts = [each for each in tree.iter() if each.tag.endswith("text") and each.get("class") == "label"]
    fan = {each.text: (each.get("x"), each.get("y")) for each in texts if each.text in spoken}
    assert set(fan) == set(spoken)
    assert len(set(fan.values())) == len(spoken)
