"""svg: the service graph as a picture, in columns from the client to the pods. Nothing else is needed to look at it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from grpcdoctor.model.report import Report
from grpcdoctor.report.graph import Edge, Graph, Node, graph_of
from grpcdoctor.report.layout import cells
from grpcdoctor.report.style import Style

_LETTER: Final = 7.2
_LABEL_LETTER: Final = 6.2
_LABEL_LINE: Final = 12
_BOX_HEIGHT: Final = 30
_ROW: Final = 64
_MARGIN: Final = 24
_PADDING: Final = 12
_GAP: Final = 60
"""Between two columns, on top of the longest label there."""
_SWEEPS: Final = 4
"""Times that the rows are put in the order of their neighbours: more changes little."""

_STYLE: Final = (
    "text{font:12px ui-monospace,monospace;fill:#1b1f24}.label{font-size:10px;fill:#57606a;stroke:#fff;"
    "stroke-width:3px;paint-order:stroke}"
    "rect{fill:#f6f8fa;stroke:#57606a;rx:6}.gateway{fill:#ddf4ff;stroke:#0969da}.client,.mesh{fill:#fff;stroke:#57606a}"
    ".workload{fill:#dafbe1;stroke:#1a7f37}.route{fill:#fff;stroke:#8c959f;stroke-dasharray:3 2}"
    ".external{fill:#fff8c5;stroke:#9a6700}"
    "path{fill:none;stroke:#57606a;stroke-width:1.4}.broken{stroke:#cf222e;stroke-width:2.4}.label.broken{fill:#cf222e;"
    "stroke:#fff;stroke-width:3px;font-weight:bold}"
)


@dataclass(frozen=True, slots=True)
class _Box:
    node: Node
    x: float
    y: float
    width: float

    @property
    def middle(self) -> float:
        return self.y + _BOX_HEIGHT / 2


def render(report: Report, style: Style) -> str:
    graph = graph_of(report)
    boxes = _placed(graph)
    width = max((box.x + box.width for box in boxes.values()), default=0) + _MARGIN
    height = max((box.y + _BOX_HEIGHT for box in boxes.values()), default=0) + _MARGIN + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="the service graph">',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="9" markerHeight="9" '
        'markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 0 8 4 0 8z" style="fill:context-stroke;stroke:none"/></marker></defs>',
        f'<rect width="{width:.0f}" height="{height:.0f}" style="fill:#fff;stroke:none;rx:0"/>',
        *(_edge(edge, boxes) for edge in graph.edges),
        *_edge_labels(graph, boxes),
        *(_node(box) for box in boxes.values()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _placed(graph: Graph) -> dict[str, _Box]:
    """Columns by rank; rows near the middle of the neighbours to the left, so that few edges cross."""
    columns: dict[int, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        columns[node.rank].append(node)
    rows = _ordered(graph, columns)
    boxes: dict[str, _Box] = {}
    x = float(_MARGIN)
    for rank in sorted(columns):
        width = max(cells(node.title) for node in columns[rank]) * _LETTER + 2 * _PADDING
        for node in columns[rank]:
            boxes[node.id] = _Box(node, x, _MARGIN + rows[node.id] * _ROW, width)
        leaving = [edge for edge in graph.edges if edge.source in {node.id for node in columns[rank]}]
        x += width + _GAP + max((cells(_label(edge)) for edge in leaving), default=0) * _LABEL_LETTER
    return boxes


def _ordered(graph: Graph, columns: dict[int, list[Node]]) -> dict[str, float]:
    """The row of every node."""
    neighbours: dict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        neighbours[edge.source].append(edge.destination)
        neighbours[edge.destination].append(edge.source)
    rows = {node.id: float(row) for found in columns.values() for row, node in enumerate(found)}
    tallest = max((len(found) for found in columns.values()), default=0)
    for _ in range(_SWEEPS):
        for found in columns.values():
            found.sort(key=lambda node: _middle(neighbours[node.id], rows, rows[node.id]))
            start = (tallest - len(found)) / 2
            rows.update({node.id: start + row for row, node in enumerate(found)})
    return rows


def _middle(others: Sequence[str], rows: dict[str, float], own: float) -> float:
    return sum(rows[other] for other in others) / len(others) if others else own


def _label(edge: Edge) -> str:
    return f"{edge.label} ✗ {edge.problem}" if edge.problem else edge.label


def _edge(edge: Edge, boxes: dict[str, _Box]) -> str:
    start, end = boxes[edge.source], boxes[edge.destination]
    x1, x2 = start.x + start.width, end.x
    bend = (x2 - x1) / 2
    kind = " class='broken'" if edge.problem else ""
    title = f"<title>{escape(edge.why)}</title>" if edge.why else ""
    return (
        f"<path{kind} marker-end='url(#tip)' d='M{x1:.0f} {start.middle:.0f} C{x1 + bend:.0f} {start.middle:.0f} "
        f"{x2 - bend:.0f} {end.middle:.0f} {x2:.0f} {end.middle:.0f}'>{title}</path>"
    )


def _edge_labels(graph: Graph, boxes: dict[str, _Box]) -> list[str]:
    """Where the edge has a line of its own: at the middle the labels of a fan would lie upon each other.

    That is its end, or its start where only the end is shared; where both are, every label once, one above the other.
    """
    leaving = Counter(edge.source for edge in graph.edges)
    arriving = Counter(edge.destination for edge in graph.edges)
    told: dict[str, list[str]] = defaultdict(list)
    parts: list[str] = []
    for edge in graph.edges:
        label, start, end = _label(edge), boxes[edge.source], boxes[edge.destination]
        if arriving[edge.destination] > 1 and leaving[edge.source] == 1:
            parts.append(_text(edge, start.x + start.width + 8, start.middle + _beside(end, start), "start"))
        elif label not in told[edge.destination]:
            above = _LABEL_LINE * len(told[edge.destination])
            told[edge.destination].append(label)
            parts.append(_text(edge, end.x - 12, end.middle - 6 - above, "end"))
    return parts


def _beside(other: _Box, own: _Box) -> int:
    """Above the line, or below it where it leaves upwards."""
    return -6 if other.middle >= own.middle else 14


def _text(edge: Edge, x: float, y: float, anchor: str) -> str:
    kind = "label broken" if edge.problem else "label"
    return f"<text class='{kind}' x='{x:.0f}' y='{y:.0f}' text-anchor='{anchor}'>{escape(_label(edge))}</text>"


def _node(box: _Box) -> str:
    kind = box.node.kind if box.node.kind.isalpha() else "service"
    return (
        f"<rect class='{kind}' x='{box.x:.0f}' y='{box.y:.0f}' width='{box.width:.0f}' height='{_BOX_HEIGHT}'/>"
        f"<text x='{box.x + _PADDING:.0f}' y='{box.middle + 4:.0f}'>{escape(box.node.title)}</text>"
    )
