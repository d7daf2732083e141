"""protobuf without what it loads and does not use."""

from __future__ import annotations

import sys
from typing import Final

# Named by descriptor_pool and by all generated modules, and used only where there is no implementation in C.
_PARENT, _NAME = "google.protobuf.internal", "python_message"
_FULL_NAME: Final = f"{_PARENT}.{_NAME}"


def defer_pure_python() -> None:
    """Before protobuf's modules are imported: its implementation in pure Python is loaded when something of it is used,
    by the standard library's own means. With all that it imports it takes 11 ms, a tenth of a call's start."""
    if _FULL_NAME in sys.modules:
        return
    from importlib import import_module
    from importlib.util import LazyLoader, find_spec, module_from_spec

    spec = find_spec(_FULL_NAME)
    if spec is None or spec.loader is None:
        return
    spec.loader = LazyLoader(spec.loader)
    module = sys.modules[_FULL_NAME] = module_from_spec(spec)
    spec.loader.exec_module(module)
    setattr(import_module(_PARENT), _NAME, module)  # as an import does; `from … import` would else load it
