"""Fixes that all proxyless rules share: the annotations of the pod template, set at the owner."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from grpcdoctor.checks.proxyless._clients import AGENT, TEMPLATES
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, text_at
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload, owner_of

CONFIG: Final = "proxy.istio.io/config"
HOLD: Final = "holdApplicationUntilProxyStarts"
_HOLD_IN: Final = re.compile(rf"""["']?{HOLD}["']?\s*:\s*["']?(true|false)\b["']?""")


def at_owner(cluster: Cluster, workload: Workload, *path: str | int) -> tuple[Object, FieldPath]:
    """(the object to change, the path of a field of the pod in it)."""
    owner, prefix = owner_of(cluster, workload)
    return owner, (*prefix, *path)


def annotation(cluster: Cluster, workload: Workload, name: str) -> tuple[Object, FieldPath]:
    return at_owner(cluster, workload, "metadata", "annotations", name)


def holds(cluster: Cluster, workload: Workload) -> bool:
    """The application starts after the agent: by the pod's annotation, else by the mesh's default."""
    written = _HOLD_IN.search(workload.annotations.get(CONFIG, ""))
    if written is not None:
        return written[1] == "true"
    return text_at(mesh_config(cluster).values, "defaultConfig", HOLD) == "true"


def with_hold(text: str) -> str:
    """The annotation's value (JSON or YAML) with the setting in it."""
    if _HOLD_IN.search(text):
        return _HOLD_IN.sub(lambda found: found[0].replace("false", "true"), text)
    if not text.strip():
        return json.dumps({HOLD: True})
    parsed = _json(text)
    if parsed is not None:
        return json.dumps({**parsed, HOLD: True})
    return f"{text.rstrip()}\n{HOLD}: true\n"


def with_agent(cluster: Cluster, workload: Workload, edit: Edit | None = None) -> Edit:
    """Both annotations that a proxyless workload needs, at its owner."""
    owner, path = annotation(cluster, workload, TEMPLATES)
    made = (edit or Edit(owner)).set(path, AGENT)
    if not holds(cluster, workload):
        made.set((*path[:-1], CONFIG), with_hold(workload.annotations.get(CONFIG, "")))
    return made


def _json(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
