"""Describe services, methods, messages and enums as proto source."""

from __future__ import annotations

from typing import Any

import click

from grpcdoctor.cli import completing
from grpcdoctor.cli.client_options import ClientOptions, client_options
from grpcdoctor.cli.exporting import export_options


@click.command(epilog="Exit codes: 0 described; 1 it could not be, and why; 2 usage; 130 interrupted.")
@click.argument("target", required=False, shell_complete=completing.completing(completing.symbols, "symbol"))
@click.argument("symbol", required=False, shell_complete=completing.completing(completing.symbols, "symbol"))
@click.option("--template", is_flag=True, help="Also show a request to start from: JSON with all fields.")
@export_options
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="The format of the result.")
@click.option("-v", "--verbose", is_flag=True, help="Also say which file it stands in.")
@click.option("--no-color", is_flag=True, help="No colour, as with NO_COLOR in the environment.")
@client_options
def command(client: ClientOptions, **given: Any) -> int:
    """Print SYMBOL as proto source: a service, method, message, enum, field or extension; without it all services.

    SYMBOL is a full name: shop.Cart, shop.Cart/Add or shop.Cart.Add, .shop.Item. Comments are shown where the source
    has them: --proto, or a protoset made with --include_source_info.

    \b
      grpcdoctor describe grpc.example.com shop.Cart
      grpcdoctor describe localhost:50051 --plaintext shop.Item --template
      grpcdoctor describe --protoset shop.pb shop.Cart/Add
    """
    from grpcdoctor.cli.describing import run_describe

    return run_describe(client, given)
