"""protobuf as the client needs it: implemented in C, and without what it loads and does not use."""

from __future__ import annotations

import os
import sys
from typing import Final

# Named by descriptor_pool and by all generated modules, and used only where there is no implementation in C.
_PARENT, _NAME = "google.protobuf.internal", "python_message"
_FULL_NAME: Final = f"{_PARENT}.{_NAME}"
# Set by users of programs whose generated code is older than their protobuf. There is no such code here, and in pure
# Python a pool does not give back the schemas that it was given.
_CHOICE: Final = "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"


def prepare_protobuf() -> None:
    """Before protobuf's modules are imported."""
    _choose_c()
    _defer_pure_python()


def _choose_c() -> None:
    """Whatever the environment says, which stays as it is for the programs that are started from here."""
    chosen = os.environ.pop(_CHOICE, None)
    if chosen is None:
        return
    try:
        import google.protobuf.internal.api_implementation  # noqa: F401 - it is now that it looks
    finally:
        os.environ[_CHOICE] = chosen


def _defer_pure_python() -> None:
    """Its implementation in pure Python is loaded when something of it is used, by the standard library's own means:
    with all that it imports it takes 11 ms, a tenth of a call's start."""
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
