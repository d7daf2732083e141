"""mermaid: the service graph for Markdown that renders Mermaid (GitHub, GitLab)."""

from __future__ import annotations

from typing import Final

from grpcdoctor.model.report import Report
from grpcdoctor.report.graph import Edge, Graph, Node, graph_of
from grpcdoctor.report.style import Style

_BRACKETS: Final = {"client": ("([", "])"), "mesh": ("([", "])"), "gateway": ("{{", "}}"), "route": ("[/", "/]"),
                    "workload": ("[[", "]]")}


def render(report: Report, style: Style) -> str:
    graph = graph_of(report)
    lines = ["flowchart LR", *map(_node, graph.nodes), *map(_edge, graph.edges), *_marks(graph)]
    return style.fit("\n".join(lines) + "\n")


def quoted(text: str) -> str:
    """Mermaid reads entities in quotes and no backslashes."""
    for sign, entity in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(sign, entity)
    return f'"{text}"'


def _node(node: Node) -> str:
    left, right = _BRACKETS.get(node.kind, ("[", "]"))
    return f"  {node.id}{left}{quoted(node.title)}{right}"


def _edge(edge: Edge) -> str:
    if edge.problem:
        return f"  {edge.source} ==>|{quoted(f'{edge.label} ✗ {edge.problem}')}| {edge.destination}"
    if not edge.label:
        return f"  {edge.source} --- {edge.destination}"
    return f"  {edge.source} -->|{quoted(edge.label)}| {edge.destination}"


def _marks(graph: Graph) -> list[str]:
    """The broken edges in red, by their number."""
    broken = [str(number) for number, edge in enumerate(graph.edges) if edge.problem]
    return [f"  linkStyle {','.join(broken)} stroke:#c00,color:#c00"] if broken else []
