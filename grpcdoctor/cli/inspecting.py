"""Reads what `inspect` is to look at, and prints the report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from grpcdoctor.cli.output import FailOn, exit_code
from grpcdoctor.cli.reading import reading
from grpcdoctor.cli.terminal import write
from grpcdoctor.model.report import Report, Scope
from grpcdoctor.report.formats import Format
from grpcdoctor.report.style import Style

if TYPE_CHECKING:
    from grpcdoctor.cluster.manifests import Manifests
    from grpcdoctor.cluster.snapshot import Cluster
    from grpcdoctor.diagnosis.suppression import Suppression


@dataclass(frozen=True, slots=True)
class Source:
    """Where the objects come from."""

    files: tuple[str, ...]
    live: bool
    complete: bool = False
    namespaces: tuple[str, ...] = ()
    all_namespaces: bool = False
    context: str | None = None
    kubeconfig: str | None = None
    secrets: bool = True
    timeout: float = 60.0

    @staticmethod
    def of(given: dict[str, Any]) -> Source:
        return Source(
            files=tuple(given["files"]),
            live=given["live"] or not given["files"],
            complete=given["complete"],
            namespaces=tuple(given["namespaces"]),
            all_namespaces=given["all_namespaces"],
            context=given["context"],
            kubeconfig=given["kubeconfig"],
            secrets=not given["no_secrets"],
            timeout=given["timeout"],
        )


def inspect(source: Source, given: dict[str, Any], output: Format, style: Style, fail_on: FailOn) -> int:
    """Read, judge, print."""
    from grpcdoctor.diagnosis.inspection import InspectOptions, inspect_cluster

    suppression = _suppression(given)
    cluster, scope = read(source)
    options = InspectOptions(scope.namespaces, _host(given["host"]), suppression)
    report = inspect_cluster(cluster, scope, options)
    if given["proxyless"] is not None:
        report = _proxyless(report, cluster, given["proxyless"])
    write(output.render(report, style))
    return exit_code(report, fail_on)


def read(source: Source) -> tuple[Cluster, Scope]:
    """The objects, and how to call them. Raises click.UsageError for files and kubeconfigs that cannot be read."""
    manifests = _manifests(source) if source.files else None
    if not source.live and manifests is not None:
        return _of_manifests(manifests, source)
    cluster, scope = _live(source)
    if manifests is None:
        return cluster, scope
    from grpcdoctor.cluster.overlay import lay_over

    name = f"{', '.join(source.files)} over {scope.input}"
    return lay_over(cluster, manifests), Scope(name, scope.context, manifests.files, scope.namespaces)


def _manifests(source: Source) -> Manifests:
    from grpcdoctor.cluster.manifests import ManifestError, read_manifests

    namespace = source.namespaces[0] if len(source.namespaces) == 1 else "default"
    try:
        return read_manifests(source.files, default_namespace=namespace, stdin=sys.stdin)
    except ManifestError as wrong:
        raise click.UsageError(f"-f: {wrong}") from wrong


def _of_manifests(manifests: Manifests, source: Source) -> tuple[Cluster, Scope]:
    from grpcdoctor.cluster.coverage import Coverage
    from grpcdoctor.cluster.snapshot import Cluster

    coverage = Coverage.everything() if source.complete else Coverage.nothing()
    name = ", ".join(source.files)
    cluster = Cluster(manifests.objects, coverage, manifests.broken, name, manifests.strangers)
    return cluster, Scope(name, files=manifests.files, namespaces=source.namespaces)


def _live(source: Source) -> tuple[Cluster, Scope]:
    from grpcdoctor.cluster.live.connection import connect
    from grpcdoctor.cluster.live.errors import ClusterError
    from grpcdoctor.cluster.live.reader import read_cluster
    from grpcdoctor.diagnosis.registry import kinds_read

    try:
        connection = connect(source.context, source.kubeconfig)
        namespaces = () if source.all_namespaces else source.namespaces or (connection.namespace,)
        with connection, reading(f"context {connection.context}") as progress:
            cluster = read_cluster(
                connection,
                kinds=kinds_read(),
                namespaces=namespaces or None,
                progress=progress,
                secrets=source.secrets,
                deadline_seconds=source.timeout,
            )
    except ClusterError as wrong:
        raise click.UsageError(str(wrong)) from wrong
    return cluster, Scope(f"context {connection.context}", connection.context, namespaces=tuple(namespaces))


def _suppression(given: dict[str, Any]) -> Suppression:
    from grpcdoctor.diagnosis.suppression import SuppressionError, read_suppression

    try:
        return read_suppression(given["config"], ignore=_words(given["ignore"]), only=_words(given["only"]))
    except SuppressionError as wrong:
        raise click.UsageError(str(wrong)) from wrong


def _words(values: Sequence[str]) -> tuple[str, ...]:
    """`a,b` and repeated options alike."""
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())


def _host(word: str | None) -> str | None:
    """A hostname; a URL or a port that someone pasted along is taken off."""
    if word is None:
        return None
    from grpcdoctor.model.target import TargetError, parse_target

    try:
        return parse_target(word).host.lower()
    except TargetError as wrong:
        raise click.UsageError(f"--host: {wrong}") from wrong


def _proxyless(report: Report, cluster: Cluster, workload: str) -> Report:
    from grpcdoctor.diagnosis.proxyless import ProxylessError, with_proxyless

    try:
        return with_proxyless(report, cluster, workload)
    except ProxylessError as wrong:
        raise click.UsageError(f"--proxyless: {wrong}") from wrong
