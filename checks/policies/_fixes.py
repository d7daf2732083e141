"""Several changes as one Fix."""

from __future__ import annotations

from typing import Any

from grpcdoctor.model.finding import Fix


def together(summary: str, *fixes: Fix) -> Fix:
    """One Fix of several: the commands one after the other, or the patches one below the other."""
    changes = tuple(change for fix in fixes for change in fix.changes)
    if all(fix.command for fix in fixes):
        return Fix(summary, command=" && ".join(fix.command or "" for fix in fixes), changes=changes)
    parts = [fix.patch or f"# {fix.command}" for fix in fixes]
    return Fix(summary, patch="\n---\n".join(part.rstrip("\n") for part in parts), changes=changes)


def copied(value: Any) -> Any:
    """Raw JSON once more: an object's own is never to be shared with a change."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value
