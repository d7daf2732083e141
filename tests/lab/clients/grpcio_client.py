"""A real grpcio client: makes each call of the JSON list on standard input, and prints what it says of each as JSON."""

from __future__ import annotations

import json
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc


def make(call: dict[str, Any]) -> str:
    """What grpcio raises, with its stack trace; nothing where the call went well."""
    options = [("grpc.default_authority", call["authority"])] if call["authority"] else []
    if call["tls"]:
        credentials = grpc.ssl_channel_credentials(Path(call["ca"]).read_bytes())
        channel = grpc.secure_channel(call["address"], credentials, options)
    else:
        channel = grpc.insecure_channel(call["address"], options)
    try:
        channel.unary_unary(call["method"], None, None)(b"", timeout=call["seconds"])
    except grpc.RpcError:
        return traceback.format_exc()
    finally:
        channel.close()
    return ""


def main() -> None:
    """All calls, a few at a time."""
    calls = json.load(sys.stdin)
    with ThreadPoolExecutor(8) as threads:
        said = dict(zip((call["name"] for call in calls), threads.map(make, calls), strict=True))
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
