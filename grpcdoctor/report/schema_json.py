"""What list and describe print as JSON (list_schema.json, describe_schema.json)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.report.call_json import dump, target_json
from grpcdoctor.version import __version__

if TYPE_CHECKING:
    from grpcdoctor.client.describing import Description
    from grpcdoctor.client.listing import ListedService
    from grpcdoctor.model.target import Target
    from grpcdoctor.report.call_json import Failure

LIST_SCHEMA: Final = "grpcdoctor.list/v1"
DESCRIBE_SCHEMA: Final = "grpcdoctor.describe/v1"


def listing_json(services: Sequence[ListedService], target: Target | None, failure: Failure | None) -> str:
    return dump({**_head(LIST_SCHEMA, target, failure), "services": [_plain(service) for service in services]})


def description_json(found: Sequence[Description], target: Target | None, failure: Failure | None) -> str:
    symbols = []
    for each in found:
        symbol = asdict(each)
        symbol["parts"] = list(each.parts)
        symbol["template"] = None if each.template is None else json.loads(each.template)
        symbols.append(symbol)
    return dump({**_head(DESCRIBE_SCHEMA, target, failure), "symbols": symbols})


def _head(schema: str, target: Target | None, failure: Failure | None) -> dict[str, Any]:
    return {
        "schema": schema,
        "tool": {"name": "grpcdoctor", "version": __version__},
        "target": None if target is None else target_json(target),
        "error": None if failure is None else asdict(failure),
    }


def _plain(service: ListedService) -> dict[str, Any]:
    found = asdict(service)
    found["methods"] = None if service.methods is None else [asdict(method) for method in service.methods]
    return found
