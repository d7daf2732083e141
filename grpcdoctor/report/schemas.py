"""The published JSON Schemas of the client's outputs; the report's own is with its writer (report/json.py)."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any


@lru_cache
def schema(name: str) -> dict[str, Any]:
    """Of `call`, `list`, `describe` or `health`."""
    from importlib.resources import files

    loaded: dict[str, Any] = json.loads(files("grpcdoctor.report").joinpath(f"{name}_schema.json").read_text("utf-8"))
    return loaded
