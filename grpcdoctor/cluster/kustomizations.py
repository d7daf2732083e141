"""Kustomizations among the files: their patches look like objects and are none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, Final

from grpcdoctor.cluster.documents import Parsed, read_documents
from grpcdoctor.cluster.fields import items_at, text_at, texts_at
from grpcdoctor.cluster.manifest_files import ManifestError, read_source
from grpcdoctor.cluster.yaml_values import YamlReader
from grpcdoctor.model.finding import BlindSpot

KUSTOMIZE_GROUP: Final = "kustomize.config.k8s.io"

_NAMED_AT_ONCE: Final = 3


def patches_of(kustomizations: Iterable[str]) -> frozenset[str]:
    """The real paths of the files that these kustomizations name as patches."""
    return frozenset(
        os.path.realpath(os.path.join(os.path.dirname(file), patch))
        for file in kustomizations
        for raw in _read(file)
        for patch in _patches(raw)
    )


def unbuilt(kustomizations: Sequence[str]) -> tuple[BlindSpot, ...]:
    """What only kustomize can tell of a folder."""
    if not kustomizations:
        return ()
    folders = [os.path.dirname(file) or "." for file in kustomizations]
    names = ", ".join(folders[:_NAMED_AT_ONCE]) + (" and others" if len(folders) > _NAMED_AT_ONCE else "")
    folder = folders[0] if len(folders) == 1 else "FOLDER"
    return (
        BlindSpot(
            f"what kustomize makes of {names}",
            "the files are read as they lie, without patches, prefixes and namespaces of a kustomization",
            f"kustomize build {folder} | grpcdoctor inspect -f -",
            blocks_verdict=False,
        ),
    )


def _read(file: str) -> list[Any]:
    try:
        source = read_source(file)
    except ManifestError:
        return []  # it is one of the files that are read anyway, and named there
    return [item.raw for item in read_documents(source, YamlReader()) if isinstance(item, Parsed)]


def _patches(raw: Any) -> list[str]:
    objects = [*items_at(raw, "patches"), *items_at(raw, "patchesJson6902"), *items_at(raw, "replacements")]
    files = [*texts_at(raw, "patchesStrategicMerge"), *(text_at(item, "path") for item in objects)]
    return [file for file in files if file and file.isprintable()]  # an inline patch has line breaks
