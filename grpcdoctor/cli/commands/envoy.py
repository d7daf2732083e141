"""What an Envoy says of itself: protocols, routes, refusals."""

from __future__ import annotations

import sys
from typing import Any

import click

from grpcdoctor.cli.asking_envoy import EnvoySource, asked_request, show
from grpcdoctor.cli.output import FailOn, output_options
from grpcdoctor.cli.terminal import style_of
from grpcdoctor.cli.words import Duration
from grpcdoctor.report.formats import Format


@click.command(
    epilog="""Exit codes: 0 nothing at or above --fail-on, 1 found (or the --request goes nowhere), 2 usage or nothing
    to read, 3 inconclusive, 130 interrupted."""
)
@click.argument("sources", nargs=-1, metavar="SOURCE...", required=True)
@click.option(
    "--request",
    metavar="[SCHEME://]HOST[:PORT]/PATH",
    help="How this one request would be routed: a gRPC path such as shop.example.com/shop.Cart/Add.",
)
@click.option("--sni", metavar="NAME", help="With --request: the server name of the TLS handshake; default: the host.")
@click.option(
    "-H",
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="With --request: a header that routes may look at; repeatable.",
)
@click.option("--listener", default="", metavar="NAME", help="Only listeners with this in their name, in full.")
@click.option("--cluster", default="", metavar="NAME", help="Only clusters with this in their name, in full.")
@click.option("--all", "everything", is_flag=True, help="All listeners and clusters, still in short.")
@click.option("--context", metavar="NAME", help="With pod/… and gateway/…: the context of the kubeconfig.")
@click.option("--kubeconfig", metavar="FILE", help="The kubeconfig; default: KUBECONFIG, then ~/.kube/config.")
@click.option(
    "-f",
    "--filename",
    "objects",
    multiple=True,
    metavar="PATH",
    help="Manifests of its cluster, to say where it does otherwise; repeatable.",
)
@click.option("--timeout", type=Duration(), default=15.0, help="For reading one Envoy. Default: 15.")
@output_options
def command(sources: tuple[str, ...], output: Format, fail_on: str, verbose: bool, no_color: bool, **given: Any) -> int:
    """Read an Envoy's own word: what listens, the HTTP version and TLS really used upstream and what decided it,
    endpoints and their health, what it refuses, rejected updates, certificates.

    \b
    SOURCE is the admin API's address, a pod, or saved answers of it:
      http://127.0.0.1:9901   also HOST:PORT and unix:/PATH; only GETs
      pod/NS/NAME             through the API server's port-forward
      gateway/NS/NAME         a pod of that gateway
      config_dump.json …      files, by their content: config_dump, /clusters,
                              /stats, /certs, /listeners, /server_info,
                              istioctl proxy-config … -o json
      dump/                   a folder of them, an istioctl bug-report
      -                       standard input

    \b
      grpcdoctor envoy pod/prod/greeter-6d5f8c7b9-x2x2x
      grpcdoctor envoy config_dump.json --request shop.example.com/shop.Cart/Add
    """
    style = style_of(sys.stdout, colour=not no_color, verbose=verbose)
    request = asked_request(given["request"], given["sni"], given["headers"])
    only = (given["listener"], given["cluster"], given["everything"])
    where = (given["context"], given["kubeconfig"])
    source = EnvoySource(sources, given["timeout"], *only, request, *where, given["objects"])
    return show(source, output, style, FailOn(fail_on))
