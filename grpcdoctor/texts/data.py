"""The YAML that this package carries: signatures, causes, clues."""

from __future__ import annotations

from importlib.resources import files
from typing import Any


def read_yaml(path: str) -> Any:
    """The one document of a file beside this module: `causes.yaml`."""
    import yaml

    # libyaml's parser, ten times as fast, where PyYAML was built with it.
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((files("grpcdoctor.texts") / path).read_text(encoding="utf-8"), Loader=loader)
