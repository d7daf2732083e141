"""Manifests: Kubernetes objects read from files, folders, globs and standard input, with the place of every field.

A document that cannot be read is named, and the rest is still read. Bounds: 256 MB a file, 10,000 files a folder, 200
levels of nesting, 100,000 values from aliases.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from grpcdoctor.cluster.build import DEFAULT_NAMESPACE
from grpcdoctor.cluster.documents import read_documents
from grpcdoctor.cluster.kustomizations import patches_of, unbuilt
from grpcdoctor.cluster.manifest_files import STDIN, Given, ManifestError, UnreadableFileError, given, read_source
from grpcdoctor.cluster.manifest_objects import ManifestObjects
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.yaml_values import YamlReader
from grpcdoctor.model.finding import BlindSpot

__all__ = ["ManifestError", "Manifests", "read_manifests"]


@dataclass(frozen=True, slots=True)
class Manifests:
    """What the files hold."""

    objects: tuple[Object, ...] = ()
    """Of kinds that a rule knows, in the order of the files; one that is written twice is in here twice."""
    strangers: tuple[Object, ...] = ()
    """Of all other kinds."""
    broken: tuple[BlindSpot, ...] = ()
    """Documents that cannot be read; and, without blocking a verdict, what else the files do not tell."""
    files: tuple[str, ...] = ()
    """The files that hold any of these."""
    skipped: int = 0
    """Documents that are no Kubernetes objects: values, CI pipelines."""


def read_manifests(
    paths: Sequence[str], *, default_namespace: str = DEFAULT_NAMESPACE, stdin: TextIO | None = None
) -> Manifests:
    """Read all that `-f` names. Raises ManifestError for a word that names nothing of Kubernetes."""
    reading = _Reading(ManifestObjects(default_namespace), stdin)
    for word in given(paths):
        reading.read(word)
    return reading.manifests()


class _Reading:
    """What was read so far, file by file."""

    def __init__(self, collected: ManifestObjects, stdin: TextIO | None) -> None:
        self._collected, self._stdin = collected, stdin
        self._reader = YamlReader()
        self._files: dict[str, bool] = {}
        """The real path of a file -> whether it holds anything of Kubernetes."""
        self._names: list[str] = []
        self._unread: list[BlindSpot] = []
        self._patches = 0

    def manifests(self) -> Manifests:
        found = self._collected
        return Manifests(
            objects=tuple(found.objects),
            strangers=tuple(found.strangers),
            broken=(*found.blind_spots, *self._unread),
            files=tuple(self._names),
            skipped=found.skipped + self._patches,
        )

    def read(self, word: Given) -> None:
        patches = patches_of(word.kustomizations)
        before = len(self._unread)
        self._unread += [BlindSpot(folder, why) for folder, why in word.unreadable]
        found = [self._read_once(file, word, patches) for file in word.files]
        unread = self._unread[before:]
        if any(found):
            self._unread += unbuilt(word.kustomizations)
        elif unread:
            raise ManifestError(f"cannot read {unread[0].what}: {unread[0].why}")
        elif not found:
            raise ManifestError(f"{word.word} holds no .yaml, .yml or .json file")
        else:
            raise ManifestError(f"none of the {len(found)} files of {word.word} holds a Kubernetes object")

    def _read_once(self, file: str, word: Given, patches: frozenset[str]) -> bool:
        real = file if file == STDIN else os.path.realpath(file)
        if real in patches:
            self._patches += 1
            return False
        if real not in self._files:
            self._files[real] = self._read_file(file, word.is_named)
        return self._files[real]

    def _read_file(self, file: str, is_named: bool) -> bool:
        try:
            source = read_source(file, self._stdin)
        except UnreadableFileError as failed:
            if is_named:
                raise
            self._unread.append(BlindSpot(file, failed.why, blocks_verdict=failed.may_matter))
            return False
        collected = self._collected
        found, empty_lists = collected.found, collected.empty_lists
        for document in read_documents(source, self._reader):
            collected.take(document, source, is_named)
        if collected.found > found:
            self._names.append(file)
            return True
        if is_named:
            raise ManifestError(_nothing_in(file, source.text, collected.empty_lists > empty_lists))
        return False


def _nothing_in(file: str, text: str, has_empty_list: bool) -> str:
    """Why a file that was named is of no use, and what may have been meant."""
    name = os.path.basename(file)
    folder = os.path.dirname(file) or "."
    if not text.strip():
        return f"{file} is empty"
    if has_empty_list:
        return f"{file} is a List without items: kubectl found no such objects"
    hint = ""
    if name.startswith("kustomization."):
        hint = f"; build it first: kustomize build {folder} | grpcdoctor inspect -f -"
    elif name == "Chart.yaml" or name.startswith("values"):
        hint = f"; if this is a Helm chart, render it first: helm template {folder} | grpcdoctor inspect -f -"
    return f"{file} holds no Kubernetes object, which has apiVersion and kind{hint}"
