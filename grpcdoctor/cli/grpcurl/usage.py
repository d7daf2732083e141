"""What -help prints, laid out as Go's flag package does."""

from __future__ import annotations

from typing import Final

from grpcdoctor.cli.grpcurl.flags import ALL
from grpcdoctor.cli.grpcurl.names import PROGRAM

_HEAD: Final = f"""\
Usage:
	{PROGRAM} [flags] [address] [list|describe] [symbol]

list: the services of the server or, with a service as symbol, its methods.

describe: the service, method, message, enum or field that the symbol names, as
proto source; without a symbol, all services.

Otherwise the symbol is the method to call, as 'package.Service/Method' or
'package.Service.Method'. Without -d a method that takes a single request is
sent an empty one.

The address is host:port, the host a name, an IPv4 address or an IPv6 address in
brackets; dns:///host:port; unix:///path, or a path with -unix; or xds:///name.
It can be left out with list and describe where -protoset or -proto give the
schema. All flags come before it.

Flags:
"""


def usage() -> str:
    """All flags by name, in the order of their bytes."""
    lines = [_HEAD]
    for name in sorted(ALL):
        flag = ALL[name]
        head = f"  -{name} {flag.kind.value}".rstrip()
        # A flag of one letter that takes no value leaves room on its line.
        gap = "\t" if len(head) <= len("  -x") else "\n    \t"
        lines.append(head + gap + flag.usage.replace("\n", "\n    \t") + "\n")
    return "".join(lines)
