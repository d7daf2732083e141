"""The library: `probe` and its async twin."""

from __future__ import annotations

import asyncio

from grpcdoctor.diagnosis.engine import diagnose
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from grpcdoctor.model.target import Target, parse_target


async def probe_async(target: str | Target, options: ProbeOptions | None = None) -> Report:
    """Diagnose one endpoint.

    `target` is written as on the command line (`host`, `host:port`, `grpc://host:port`, `unix:/path`), or a Target.
    Raises TargetError for a word that names no target, and wire.tls.ContextError for a certificate file that cannot be
    used; whatever the network does is in the report.
    """
    wanted = parse_target(target) if isinstance(target, str) else target
    return await diagnose(wanted, options or ProbeOptions())


def probe(target: str | Target, options: ProbeOptions | None = None) -> Report:
    """`probe_async`, run to its end. Not for use inside a running event loop."""
    return asyncio.run(probe_async(target, options))
