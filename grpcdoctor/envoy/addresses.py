"""Addresses as Envoy writes them: a socket, a pipe, or another listener inside Envoy."""

from __future__ import annotations

from typing import Any

from grpcdoctor.envoy.fields import has, number, text


def address_text(value: Any) -> str:
    """`127.0.0.1:80`, `[::1]:80`, `unix:/path`, `internal:name`; empty where there is none."""
    host = address_host(value)
    if host:
        port = address_port(value)
        shown = f"[{host}]" if ":" in host else host
        return shown if port is None else f"{shown}:{port}"
    if has(value, "pipe"):
        return f"unix:{text(value, 'pipe', 'path')}"
    if has(value, "envoy_internal_address"):
        name = text(value, "envoy_internal_address", "server_listener_name")
        endpoint = text(value, "envoy_internal_address", "endpoint_id")
        return f"internal:{name}" + (f"/{endpoint}" if endpoint else "")
    return ""


def address_host(value: Any) -> str:
    return text(value, "socket_address", "address")


def address_port(value: Any) -> int | None:
    """None where it is a pipe, or a named port. An absent number is protobuf's 0: the kernel's choice."""
    if not has(value, "socket_address") or has(value, "socket_address", "named_port"):
        return None
    found = number(value, "socket_address", "port_value")
    return found if found is not None else 0
