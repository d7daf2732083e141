"""What the documents of the files hold: objects of known and of other kinds, and what is broken among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from shlex import quote
from typing import Any, Final

from grpcdoctor.cluster.breakages import HELM_CHART, HELM_TEMPLATE, RENDER_HELM, Breakage, of_named, of_object
from grpcdoctor.cluster.build import objects_in
from grpcdoctor.cluster.documents import Parsed, complete_items
from grpcdoctor.cluster.fields import FieldPath, text_at
from grpcdoctor.cluster.kinds import Kind
from grpcdoctor.cluster.kustomizations import KUSTOMIZE_GROUP
from grpcdoctor.cluster.manifest_files import STDIN
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.positions import Document, Position, Source
from grpcdoctor.model.finding import BlindSpot

MOST_BROKEN: Final = 100
"""Places in one file that are named one by one."""

_DOUBLE: Final = (
    'the key "{key}" stands twice in one mapping, with different values; the last one was taken, and kubectl refuses it'
)


class ManifestObjects:
    """Collects, document by document."""

    def __init__(self, default_namespace: str) -> None:
        self._namespace = default_namespace
        self.objects: list[Object] = []
        self.strangers: list[Object] = []
        self.found = 0
        """How much of Kubernetes there is, whole or broken."""
        self.skipped = 0
        self.empty_lists = 0
        self._broken: list[BlindSpot] = []
        self._breakages: Counter[str] = Counter()
        self._templates: dict[str, dict[str, str]] = {}
        """A chart, or a template in no chart -> the files, each with the place of its first template."""

    @property
    def blind_spots(self) -> tuple[BlindSpot, ...]:
        unrendered = [_unrendered(*item) for item in self._templates.items()]
        more = [_more(file, count - MOST_BROKEN) for file, count in self._breakages.items() if count > MOST_BROKEN]
        return (*self._broken, *more, *unrendered, *_written_twice(self.objects))

    def take(self, document: Parsed | Breakage, source: Source, is_named: bool) -> None:
        """`is_named`: the file was asked for by its name, so that whatever is broken in it matters."""
        if isinstance(document, Breakage):
            if is_named or document.is_manifest:
                self._break(document, source)
            else:
                self.skipped += 1
            return
        before = self.found
        raw, prefix = document.raw, document.prefix
        for index, item in enumerate(raw) if isinstance(raw, list) else ():
            self._take(item, document.document, (*prefix, index))
        if isinstance(raw, dict):
            self._take(raw, document.document, prefix)
        if self.found == before:
            self.skipped += 1
            return
        for key, offset in document.doubles:
            self._break(Breakage(offset, _DOUBLE.format(key=key)), source)

    def _take(self, raw: Any, document: Document, prefix: FieldPath) -> None:
        if not isinstance(raw, dict):
            return
        items = raw.get("items")
        if text_at(raw, "kind").endswith("List") and (items is None or isinstance(items, list)):
            self.empty_lists += not items
            complete_items(items or [], raw)
        why = of_object(raw)
        if why is not None:
            self._break(Breakage(document.offset_of(prefix), why), document.source)
            return
        for path, item in objects_in(raw, None, self._namespace):
            self._add(item, document, (*prefix, *path))

    def _add(self, item: Object, document: Document, path: FieldPath) -> None:
        if item.kind.group == KUSTOMIZE_GROUP or (item.kind.name.endswith("List") and item.raw.get("items", 0) is None):
            return
        breakage = of_named(item.raw)
        if breakage is not None:
            self._break(replace(breakage, offset=document.offset_of(path)), document.source)
            return
        self.found += 1
        item.origin = Position(document, path)
        (self.objects if item.kind.plural else self.strangers).append(item)

    def _break(self, breakage: Breakage, source: Source) -> None:
        self.found += 1
        place = f"{source.name}:{source.line_at(breakage.offset)}"
        if breakage.is_helm_template:
            group = _chart_of(source.name) or source.name
            self._templates.setdefault(group, {}).setdefault(source.name, place)
            return
        self._breakages[source.name] += 1
        if self._breakages[source.name] <= MOST_BROKEN:
            self._broken.append(BlindSpot(place, breakage.why, breakage.decide))


@lru_cache(maxsize=1)
def _chart_of(file: str) -> str | None:
    """The folder of the chart that this file is a template of; the outermost one of charts in charts."""
    if file == STDIN:
        return None
    charts = [parent for parent in Path(file).parents if (parent / "Chart.yaml").is_file()]
    return str(charts[-1]) if charts else None


def _unrendered(group: str, places: dict[str, str]) -> BlindSpot:
    """One for a chart, however many templates it has."""
    first = next(iter(places.values()))
    if group in places:
        return BlindSpot(first, HELM_TEMPLATE, RENDER_HELM)
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    render = RENDER_HELM.replace("CHART", quote(group))
    return BlindSpot(f"the Helm chart {group} ({first}{more})", HELM_CHART, render)


def _more(file: str, count: int) -> BlindSpot:
    return BlindSpot(f"{count} more places in {file}", "they cannot be read either; the first ones tell why")


def _written_twice(objects: Sequence[Object]) -> tuple[BlindSpot, ...]:
    """Two environments side by side in one folder: only the later object of a name is looked at."""
    latest: dict[tuple[Kind, str, str], Object] = {}
    hidden: list[tuple[Object, Object]] = []
    for item in objects:
        identity = (item.kind, item.namespace, item.name)
        earlier = latest.get(identity)
        if earlier is not None and earlier.raw != item.raw and item.name:
            hidden.append((earlier, item))
        latest[identity] = item
    if not hidden:
        return ()
    earlier, later = hidden[0]
    more = f", and {len(hidden) - 1} more like it" if len(hidden) > 1 else ""
    why = f"{_place(later)} holds another object of that name, and the later one counts"
    return (BlindSpot(f"{earlier.title} of {_place(earlier)}{more}", why, blocks_verdict=False),)


def _place(item: Object) -> str:
    return f"{item.origin.file}:{item.origin.line(())}" if item.origin is not None else "?"
