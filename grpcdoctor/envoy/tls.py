"""TLS as a listener or a cluster is told to speak it: DownstreamTls, UpstreamTls, and the sockets that wrap them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from grpcdoctor.envoy.fields import Json, at, flag, has, is_type, mapping, mappings, text, texts, type_name

_DEEPEST: Final = 4
"""Sockets in sockets: PROXY protocol, TCP statistics, tap."""
_NAMES_MATCHED: Final = ("exact", "prefix", "suffix", "safe_regex", "contains")


@dataclass(frozen=True, slots=True)
class Validation:
    """How the peer's certificate is checked."""

    trusted_ca: str = ""
    """A file, or the SDS name; "inline" where the bundle stands in the configuration; empty: nothing is checked."""
    names: tuple[str, ...] = ()
    """What the certificate must be for; empty: any name will do."""

    @property
    def is_on(self) -> bool:
        return bool(self.trusted_ca)


@dataclass(frozen=True, slots=True)
class DownstreamTls:
    """What a filter chain asks of its clients."""

    alpn: tuple[str, ...]
    require_client_certificate: bool
    certificates: tuple[str, ...]
    """Files or SDS names; never a key."""
    minimum: str
    """`TLSv1_2`; empty where nothing is set."""
    maximum: str
    validation: Validation
    kind: str = "tls"
    """"tls", "quic", or the name of another transport socket that is no plaintext ("alts")."""


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """What a cluster speaks to its endpoints."""

    sni: str
    auto_sni: bool
    alpn: tuple[str, ...]
    certificates: tuple[str, ...]
    """The client certificate: files or SDS names; empty: none, so no mutual TLS."""
    validation: Validation
    minimum: str
    maximum: str
    kind: str = "tls"

    @property
    def is_mutual(self) -> bool:
        return bool(self.certificates)


def downstream_tls(socket: Any) -> DownstreamTls | None:
    """Of a filter chain's transport_socket; None for plaintext."""
    kind, config = _kind_and_config(socket)
    if kind == "":
        return None
    common = mapping(config, "common_tls_context")
    return DownstreamTls(
        alpn=texts(common, "alpn_protocols"),
        require_client_certificate=flag(config, "require_client_certificate"),
        certificates=_certificates(common),
        minimum=text(common, "tls_params", "tls_minimum_protocol_version"),
        maximum=text(common, "tls_params", "tls_maximum_protocol_version"),
        validation=_validation(common),
        kind=kind,
    )


def upstream_tls(socket: Any) -> UpstreamTls | None:
    """Of a cluster's transport_socket; None for plaintext."""
    kind, config = _kind_and_config(socket)
    if kind == "":
        return None
    common = mapping(config, "common_tls_context")
    return UpstreamTls(
        sni=text(config, "sni"),
        auto_sni=flag(config, "auto_host_sni"),
        alpn=texts(common, "alpn_protocols"),
        certificates=_certificates(common),
        validation=_validation(common),
        minimum=text(common, "tls_params", "tls_minimum_protocol_version"),
        maximum=text(common, "tls_params", "tls_maximum_protocol_version"),
        kind=kind,
    )


def _kind_and_config(socket: Any) -> tuple[str, Json]:
    """(`_kind`, the TLS context) of a transport_socket, whatever it is wrapped in."""
    inner = unwrapped(socket)
    return _kind(inner), _tls_config(inner)


def unwrapped(socket: Any) -> Json:
    """The innermost socket: that of the PROXY protocol and others hold another one."""
    found = mapping(socket)
    for _ in range(_DEEPEST):
        inner = mapping(found, "typed_config", "transport_socket")
        if not inner:
            break
        found = inner
    return found


def _kind(socket: Json) -> str:
    """"tls", "quic", another socket's name; empty for plaintext (no socket, raw_buffer)."""
    config = at(socket, "typed_config")
    if is_type(config, "QuicDownstreamTransport") or is_type(config, "QuicUpstreamTransport"):
        return "quic"
    if has(config, "common_tls_context") or type_name(config) in ("UpstreamTlsContext", "DownstreamTlsContext"):
        return "tls"
    name = (text(socket, "name") or type_name(config)).rpartition(".")[2]
    if name in ("", "raw_buffer", "RawBuffer", "internal_upstream", "InternalUpstreamTransport"):
        return ""
    # An old dump may carry the name alone; a name of the user's own says nothing without a type.
    return "tls" if name in ("tls", "ssl") else name if not config or type_name(config) else ""


def _tls_config(socket: Json) -> Json:
    config = mapping(socket, "typed_config")
    for name in ("downstream_tls_context", "upstream_tls_context"):  # QUIC has the TLS context one level down
        if has(config, name):
            return mapping(config, name)
    return config


def _certificates(common: Json) -> tuple[str, ...]:
    named = [text(item, "name") for item in mappings(common, "tls_certificate_sds_secret_configs")]
    held = [
        text(item, "certificate_chain", "filename") or "inline" for item in mappings(common, "tls_certificates")
    ]
    provider = mapping(common, "tls_certificate_provider_instance") or mapping(
        common, "tls_certificate_certificate_provider_instance"
    )
    provided = [text(provider, "instance_name") or "provider"] if provider else []
    return tuple(name for name in (*named, *held, *provided) if name)


def _validation(common: Json) -> Validation:
    combined = mapping(common, "combined_validation_context")
    context = mapping(common, "validation_context") or mapping(combined, "default_validation_context")
    sds = mapping(common, "validation_context_sds_secret_config") or mapping(
        combined, "validation_context_sds_secret_config"
    )
    authority = text(context, "trusted_ca", "filename") or text(sds, "name")
    if not authority and (has(context, "trusted_ca") or has(context, "system_root_certs")):
        authority = "the system's" if has(context, "system_root_certs") else "inline"
    if not authority and has(context, "ca_certificate_provider_instance"):
        authority = text(context, "ca_certificate_provider_instance", "instance_name") or "provider"
    return Validation(authority, tuple(_names(context)))


def _names(context: Json) -> list[str]:
    found = [name for name in texts(context, "verify_subject_alt_name") if name]
    for item in mappings(context, "match_typed_subject_alt_names"):
        found += _pattern(mapping(item, "matcher"))
    for item in mappings(context, "match_subject_alt_names"):
        found += _pattern(item)
    return found


def _pattern(matcher: Json) -> list[str]:
    for name in _NAMES_MATCHED:
        value = text(matcher, name, "regex") if name == "safe_regex" else text(matcher, name)
        if value:
            return [value if name == "exact" else f"{name} {value}"]
    return []
