"""How a file refers to what is declared elsewhere."""

from __future__ import annotations


def relative_name(package: str, scope: str, full_name: str, least: int = 0) -> str:
    """`full_name` without what it shares with `scope`, where at least `least` levels of the scope are kept in it."""
    prefix = f"{scope}." if scope and not scope.endswith(".") else scope
    levels = 0
    while prefix:
        if full_name.startswith(prefix) and levels >= least:
            return full_name[len(prefix) :]
        if prefix == f"{package}.":
            break
        prefix = prefix[: prefix.rfind(".", 0, len(prefix) - 1) + 1]
        levels += 1
    return full_name


def json_name(field_name: str) -> str:
    """The name that a field has in JSON where it gives none: descriptor.cc, ToJsonName."""
    first, *rest = field_name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)
