"""grpcdoctor: name a gRPC endpoint and learn whether it works, which hop breaks it, why, and what to change.

>>> import grpcdoctor
>>> report = grpcdoctor.probe("grpc.example.com:443")  # doctest: +SKIP
>>> report.verdict  # doctest: +SKIP
<Verdict.HEALTHY: 'healthy'>

Importing this package imports nothing else; `probe` and `probe_async` load what they need when they are called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcdoctor.version import __version__

if TYPE_CHECKING:
    from grpcdoctor.api import probe, probe_async
    from grpcdoctor.model.options import ProbeOptions
    from grpcdoctor.model.report import Report

__all__ = ["ProbeOptions", "Report", "__version__", "probe", "probe_async"]

_HOMES = {
    "probe": "grpcdoctor.api",
    "probe_async": "grpcdoctor.api",
    "ProbeOptions": "grpcdoctor.model.options",
    "Report": "grpcdoctor.model.report",
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562), so that `import grpcdoctor` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'grpcdoctor' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
