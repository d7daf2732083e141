"""The service graph of a report: every node and every edge of its paths, once. What dot, mermaid and svg draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from grpcdoctor.model.report import Hop, HopPath, Report
from grpcdoctor.report import clean

# Which column a node belongs to, from the client to the pods.
RANKS: Final = {"client": 0, "mesh": 1, "gateway": 1, "route": 2, "service": 3, "external": 3, "workload": 4}
_UNRANKED: Final = 3
_SENDING: Final = ("gateway", "mesh")


@dataclass(frozen=True, slots=True)
class Node:
    """`id` is short and safe in every notation."""

    id: str
    title: str
    kind: str

    @property
    def rank(self) -> int:
        return RANKS.get(self.kind, _UNRANKED)


@dataclass(frozen=True, slots=True)
class Edge:
    """`label` is the protocol and the TLS; `problem` the rule that names what is wrong."""

    source: str
    destination: str
    label: str
    problem: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Graph:
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def graph_of(report: Report) -> Graph:
    """From the paths of a cluster, with the route between gateway and service; else from the wire's hops."""
    drawing = _Drawing()
    for path in report.paths:
        for hop in path.hops:
            drawing.add(hop, path)
    for hop in () if report.paths else report.hops:
        drawing.add(hop, None)
    return Graph(tuple(drawing.nodes.values()), tuple(drawing.edges.values()))


class _Drawing:
    """Collects nodes and edges, each once."""

    def __init__(self) -> None:
        self.nodes: dict[tuple[str, str], Node] = {}
        self.edges: dict[tuple[str, str, str], Edge] = {}

    def add(self, hop: Hop, path: HopPath | None) -> None:
        source = self._node(hop.source, hop.source_kind)
        if path is not None and hop.source_kind in _SENDING:
            route = self._node(f"{path.match or '*'} by {path.route}", "route")
            self._edge(Edge(source.id, route.id, "", None, ""))
            source = route
        # The pods of a Service are its own: "3 pods" of one are not those of another.
        owner = hop.source if hop.destination_kind == "workload" else ""
        destination = self._node(hop.destination, hop.destination_kind, owner)
        self._edge(Edge(source.id, destination.id, hop.label, hop.problem, clean.line(hop.reason)))

    def _edge(self, edge: Edge) -> None:
        key = (edge.source, edge.destination, edge.label)
        if key not in self.edges or (edge.problem and not self.edges[key].problem):
            self.edges[key] = edge

    def _node(self, title: str, kind: str, owner: str = "") -> Node:
        key = (title, owner)
        if key not in self.nodes:
            self.nodes[key] = Node(f"n{len(self.nodes)}", clean.line(title), kind)
        return self.nodes[key]
