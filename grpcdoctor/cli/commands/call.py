"""Call a method: requests as JSON, responses as they come."""

from __future__ import annotations

from typing import Any

import click

from grpcdoctor.cli import completing
from grpcdoctor.cli.client_options import ClientOptions, client_options
from grpcdoctor.cli.replaying import ReplayableCommand
from grpcdoctor.cli.words import MethodName


@click.command(
    cls=ReplayableCommand,
    epilog="""Exit codes: 0 OK; 64 + the status's code where the call ended with another (69 NOT_FOUND); 1 it came to no
    status: no connection, no such method, a request that does not fit; 2 usage; 130 interrupted.""",
)
@click.argument("target", required=False)
@click.argument("method", type=MethodName(), required=False,
                shell_complete=completing.completing(completing.methods, "method"))
@click.option("-d", "--data", metavar="JSON",
              help="The request: JSON, @FILE, or @ for standard input; several are written one after the other.")
@click.option("-i", "--interactive", is_flag=True, help="Ask for the request field by field.")
@click.option("--format", type=click.Choice(["json", "text"]), default="json", show_default=True,
              help="Of requests and responses: JSON, or protobuf's text format.")
@click.option("--compress", type=click.Choice(["gzip"]), help="Compress the requests.")
@click.option("--repeat", type=click.IntRange(1, 1_000_000), default=1, metavar="N",
              help="Make the call N times over one connection, and sum up how long it took.")
@click.option("--retry", type=click.IntRange(0, 100), default=0, metavar="N",
              help="Try again up to N times, waiting longer each time, where the server is UNAVAILABLE.")
@click.option("--save", metavar="FILE", help="Save the call and its answer, to be sent again with --replay.")
@click.option("--replay", metavar="FILE", help="Send a saved call again; what else is given counts instead.")
@click.option("--compare", is_flag=True, help="With --replay: say how the answer differs from the saved one (exit 1).")
@click.option("--emit-defaults", is_flag=True, help="Show fields that are not set, with their defaults.")
@click.option("--proto-names", is_flag=True, help="JSON keys as in the .proto file, not in camelCase.")
@click.option("--allow-unknown-fields", is_flag=True, help="Skip what the request's type does not have.")
@click.option("--protoset-out", metavar="FILE", help="Write the method's descriptors and all that they need.")
@click.option("--proto-out-dir", metavar="DIR", help="Write the same as .proto files.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="json: one object with all of the call, from metadata to timings.")
@click.option("-v", "--verbose", is_flag=True, help="Show connection, metadata, sizes and times on stderr.")
@click.option("--no-color", is_flag=True, help="No colour, as with NO_COLOR in the environment.")
@client_options
@click.pass_context
def command(ctx: click.Context, /, client: ClientOptions, **given: Any) -> int:
    """Call METHOD of the server at TARGET, and print the responses.

    METHOD is package.Service/Method. The server's reflection says what it takes, or --protoset or --proto files do.

    \b
      grpcdoctor call localhost:50051 --plaintext shop.Cart/Get -d '{"id": 7}'
      grpcdoctor call grpc.example.com shop.Cart/Watch -H 'authorization: Bearer ${TOKEN}'
      grpcdoctor call grpc.example.com shop.Cart/Add -d @requests.json -v
      grpcdoctor call grpc.example.com shop.Cart/Add --interactive
    """
    from grpcdoctor.cli.call_command import run_call

    return run_call(ctx, client, given)
