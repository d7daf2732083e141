"""What grpcio says to an endpoint. Runs as a child process: grpcio aborts on some sick peers (a GOAWAY with code 13).

`main` reads one JSON object from stdin and writes one to stdout.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def ask_grpcio(question: dict[str, Any]) -> dict[str, str]:
    """One unary call with an empty message; the answer's status name and details."""
    import grpc

    options: list[tuple[str, Any]] = [
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", int(question["use_proxy"])),
    ]
    if question["authority"]:
        options.append(("grpc.default_authority", question["authority"]))
    if question["tls"] and question["server_name"]:
        options.append(("grpc.ssl_target_name_override", question["server_name"]))
    channel = _channel(grpc, question, options)
    call = channel.unary_unary(question["method"], lambda _: b"", lambda data: data)
    metadata = tuple((name, value) for name, value in question["metadata"])
    try:
        _, outcome = call.with_call(None, timeout=question["timeout"], metadata=metadata)
        code, details = outcome.code(), outcome.details()
    except grpc.RpcError as failed:
        code, details = failed.code(), failed.details()
    except ValueError as unusable:  # metadata that grpcio itself refuses
        return {"client": f"grpcio {grpc.__version__}", "code": "INTERNAL", "details": str(unusable)}
    return {"client": f"grpcio {grpc.__version__}", "code": code.name, "details": details or ""}


def _channel(grpc: Any, question: dict[str, Any], options: list[tuple[str, Any]]) -> Any:
    if not question["tls"]:
        return grpc.insecure_channel(question["endpoint"], options)
    read = {name: _read(question[name]) for name in ("cacert", "cert", "key")}
    credentials = grpc.ssl_channel_credentials(read["cacert"], read["key"], read["cert"])
    return grpc.secure_channel(question["endpoint"], credentials, options)


def _read(path: str | None) -> bytes | None:
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()


def main() -> None:
    """One question from stdin, its answer to stdout."""
    sys.stdout.write(json.dumps(ask_grpcio(json.loads(sys.stdin.read()))))
