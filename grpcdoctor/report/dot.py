"""dot: the service graph for Graphviz."""

from __future__ import annotations

from typing import Final

from grpcdoctor.model.report import Report
from grpcdoctor.report.graph import Edge, Node, graph_of
from grpcdoctor.report.style import Style

_SHAPES: Final = {
    "client": "oval",
    "mesh": "oval",
    "gateway": "house",
    "route": "note",
    "service": "box",
    "workload": "box3d",
    "external": "component",
}


def render(report: Report, style: Style) -> str:
    graph = graph_of(report)
    lines = [
        "digraph grpcdoctor {",
        '  rankdir=LR; node [fontname="sans-serif"]; edge [fontname="sans-serif", fontsize=10];',
        *(_node(node) for node in graph.nodes),
        *(_edge(edge) for edge in graph.edges),
        "}",
    ]
    return style.fit("\n".join(lines) + "\n")


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _node(node: Node) -> str:
    return f"  {node.id} [label={quoted(node.title)}, shape={_SHAPES.get(node.kind, 'box')}];"


def _edge(edge: Edge) -> str:
    if edge.problem:
        label = quoted(f"{edge.label} ✗ {edge.problem}")
        return f"  {edge.source} -> {edge.destination} [label={label}, color=red, fontcolor=red, penwidth=2];"
    return f"  {edge.source} -> {edge.destination} [label={quoted(edge.label)}];"
