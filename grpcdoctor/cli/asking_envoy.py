"""Reads the Envoys that `envoy` is to look at, and prints their reports."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from grpcdoctor.cli.envoy_pods import is_pod, read_pod
from grpcdoctor.cli.exit_codes import ExitCode
from grpcdoctor.cli.output import FailOn, exit_code, worst
from grpcdoctor.cli.terminal import standard_input, write
from grpcdoctor.report.formats import Format
from grpcdoctor.report.style import Style

if TYPE_CHECKING:
    from grpcdoctor.diagnosis.envoy_inspection import AskedRequest
    from grpcdoctor.envoy.snapshot import Proxy
    from grpcdoctor.model.expected import Expected

_ADDRESS: Final = re.compile(r"http://\S+|unix:\S+|(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):\d{1,5}")
_SCHEMES: Final = {"grpcs": True, "https": True, "grpc": False, "http": False}
_REPORTS_IN_FULL: Final = 3
"""More Envoys than that (a bug-report has hundreds) are a line each in text, unless -v."""


@dataclass(frozen=True, slots=True)
class EnvoySource:
    """What the command line asks for."""

    words: tuple[str, ...]
    timeout: float
    listener: str
    cluster: str
    everything: bool
    request: AskedRequest | None
    context: str | None = None
    kubeconfig: str | None = None
    objects: tuple[str, ...] = ()
    """Manifests of the cluster that it works for."""


def show(source: EnvoySource, output: Format, style: Style, fail_on: FailOn) -> int:
    """Read, judge, print. The worst of several decides."""
    from grpcdoctor.diagnosis.envoy_inspection import EnvoyOptions, inspect_envoy

    proxies = read(source.words, source.timeout, source.context, source.kubeconfig)
    if source.objects:
        expected = _expected(source.objects)
        proxies = [proxy.expecting(expected) for proxy in proxies]
    options = EnvoyOptions(source.listener, source.cluster, source.everything, source.request)
    reports = [inspect_envoy(proxy, options) for proxy in proxies]
    in_full = output.name == "text" and (len(reports) <= _REPORTS_IN_FULL or style.verbose)
    if len(reports) == 1 or in_full:
        write("\n".join(output.render(report, style) for report in reports))
    else:
        lines = output.many([report.name for report in reports], style)
        write(lines.head() + "".join(lines.line(report) for report in reports) + lines.tail())
    code = ExitCode.OK
    for report in reports:
        code = worst(code, exit_code(report, fail_on))
    return code


def _expected(files: tuple[str, ...]) -> tuple[Expected, ...]:
    """What an Envoy should speak by these manifests. Raises click.UsageError where they cannot be read."""
    from grpcdoctor.cli.inspecting import Source
    from grpcdoctor.cli.inspecting import read as read_objects
    from grpcdoctor.cluster.paths import paths
    from grpcdoctor.diagnosis.envoy_expected import expected_of

    cluster, _ = read_objects(Source(files, live=False))
    return expected_of(paths(cluster))


def read(
    words: Sequence[str], seconds: float, context: str | None = None, kubeconfig: str | None = None
) -> list[Proxy]:
    """The Envoys at these addresses, in these pods and files. Raises click.UsageError where one cannot be read."""
    from grpcdoctor.envoy.admin import AdminError, read_admin
    from grpcdoctor.envoy.files import FilesError, read_files

    pods = [word for word in words if is_pod(word) and not os.path.exists(word)]
    files = [word for word in words if word not in pods and not is_address(word)]
    for word in files:
        if "://" in word and not os.path.exists(word):
            raise click.UsageError(f"{word}: not an admin address; write http://HOST:PORT or unix:/PATH")
    try:
        found = [read_admin(word, seconds) for word in words if is_address(word)]
        found += [read_pod(word, seconds, context, kubeconfig) for word in pods]
        return [*found, *read_files(files, standard_input)] if files else found
    except (AdminError, FilesError) as wrong:
        raise click.UsageError(str(wrong)) from wrong


def is_address(word: str) -> bool:
    """An admin URL, not a file: a file of that name is still the file."""
    return _ADDRESS.fullmatch(word) is not None and not os.path.exists(word)


def asked_request(word: str | None, sni: str | None, headers: Sequence[str]) -> AskedRequest | None:
    """Of `[SCHEME://]HOST[:PORT]/PATH`. Raises click.UsageError."""
    if word is None:
        if sni or headers:
            raise click.UsageError("--sni and --header are for --request")
        return None
    from grpcdoctor.diagnosis.envoy_inspection import AskedRequest
    from grpcdoctor.model.target import TargetError, parse_target

    scheme, separator, rest = word.partition("://")
    if separator and scheme.lower() not in _SCHEMES:
        raise click.UsageError(f"--request: {scheme}:// is none of {', '.join(_SCHEMES)}")
    authority, slash, path = (rest if separator else word).partition("/")
    if not slash or not authority:
        raise click.UsageError(f"--request: {word}: write HOST[:PORT]/PATH, as in shop.example.com/shop.Cart/Add")
    try:
        target = parse_target(authority)
    except TargetError as wrong:
        raise click.UsageError(f"--request: {wrong}") from wrong
    return AskedRequest(
        input=word,
        host=target.host.lower(),
        path=f"/{path}",
        port=target.port if target.port_given else None,
        tls=_SCHEMES[scheme.lower()] if separator else None,
        sni=sni or "",
        headers=tuple(_header(item) for item in headers),
    )


def _header(word: str) -> tuple[str, str]:
    name, separator, value = word.partition(":")
    if not separator or not name.strip():
        raise click.UsageError("--header: write 'NAME: VALUE'")
    return name.strip().lower(), value.strip()
