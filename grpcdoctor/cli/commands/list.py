"""List the services of a server or of files, or a service's methods."""

from __future__ import annotations

from typing import Any

import click

from grpcdoctor.cli import completing
from grpcdoctor.cli.client_options import ClientOptions, client_options
from grpcdoctor.cli.exporting import export_options


@click.command(epilog="Exit codes: 0 listed; 1 it could not be, and why; 2 usage; 130 interrupted.")
@click.argument("target", required=False, shell_complete=completing.completing(completing.services, "service"))
@click.argument("service", required=False, shell_complete=completing.completing(completing.services, "service"))
@export_options
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="The format of the result.")
@click.option("-v", "--verbose", is_flag=True, help="Show every service's methods, what they take and give.")
@click.option("--no-color", is_flag=True, help="No colour, as with NO_COLOR in the environment.")
@client_options
def command(client: ClientOptions, **given: Any) -> int:
    """List the services of TARGET, or the methods of SERVICE as `call` takes them.

    With --protoset or --proto files there is no need of a TARGET.

    \b
      grpcdoctor list grpc.example.com
      grpcdoctor list localhost:50051 --plaintext -v
      grpcdoctor list localhost:50051 --plaintext shop.Cart
      grpcdoctor list --proto shop.proto --import-path protos shop.Cart
    """
    from grpcdoctor.cli.listing import run_list

    return run_list(client, given)
