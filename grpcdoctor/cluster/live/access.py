"""Access: what a socket of ours needs to be taken for the client library's: address, proxy, TLS and credentials.

Read off the pool that the library has made of the kubeconfig, which knows what every release of it makes of one.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

HTTPS: Final = 443
HTTP: Final = 80


@dataclass(frozen=True, slots=True)
class HttpProxy:
    """A proxy on the way to the API server; its headers may hold a password and are never shown."""

    host: str
    port: int
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    unusable: str = ""
    """Why we cannot go through it."""


@dataclass(frozen=True, slots=True)
class Access:
    """One API server and who asks it. Its repr holds no credential."""

    host: str
    port: int
    base_path: str
    """Before `/api`, where the server is behind a path of another (Rancher)."""
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    context: ssl.SSLContext | None
    """None for plain HTTP."""
    server_name: str
    """SNI, and the name to verify."""
    proxy: HttpProxy | None = None

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def access_of(base: str, pool_manager: Any, headers: Sequence[tuple[str, str]]) -> Access:
    """Raises OSError and ssl.SSLError for certificate files that cannot be read."""
    url = urlsplit(base)
    host = url.hostname or ""
    settings: dict[str, Any] = pool_manager.connection_pool_kw
    return Access(
        host=host,
        port=url.port or (HTTPS if url.scheme == "https" else HTTP),
        base_path=url.path.rstrip("/"),
        headers=tuple(headers),
        context=shared_context(pool_manager) if url.scheme == "https" else None,
        server_name=settings.get("server_hostname") or host,
        proxy=_proxy(pool_manager),
    )


def shared_context(pool_manager: Any) -> ssl.SSLContext:
    """The context of the pool's connections and of ours, which judges certificates as kubectl (Go) does.

    urllib3's own is stricter from Python 3.13 on (VERIFY_X509_STRICT): it refuses certificates without key identifiers,
    and many a cluster's have none. Raises OSError and ssl.SSLError for certificate files that cannot be read.
    """
    settings: dict[str, Any] = pool_manager.connection_pool_kw
    if settings.get("ssl_context") is None:
        settings["ssl_context"] = _context(settings)
        for loaded in ("ca_certs", "ca_cert_data", "cert_file", "key_file"):
            settings.pop(loaded, None)  # each connection would load them again, into what all threads share
    context: ssl.SSLContext = settings["ssl_context"]
    return context


def _context(settings: dict[str, Any]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # Debian's own Python leaves it to OpenSSL, which takes 1.1
    context.hostname_checks_common_name = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    verified = settings.get("cert_reqs", ssl.CERT_REQUIRED) == ssl.CERT_REQUIRED
    context.check_hostname = verified and settings.get("assert_hostname") is not False
    context.verify_mode = ssl.CERT_REQUIRED if verified else ssl.CERT_NONE
    file, data = settings.get("ca_certs"), settings.get("ca_cert_data")
    if verified and (file or data):
        context.load_verify_locations(cafile=file, cadata=data)
    elif verified:
        context.load_default_certs()
    if settings.get("cert_file"):
        context.load_cert_chain(settings["cert_file"], settings.get("key_file"))
    return context


def _proxy(pool_manager: Any) -> HttpProxy | None:
    url = getattr(pool_manager, "proxy", None)
    if url is None:
        # urllib3's manager for SOCKS has no `proxy`, and hides the URL in the settings of its connections.
        socks = "_socks_options" in pool_manager.connection_pool_kw
        return HttpProxy("", 0, unusable="it is a SOCKS proxy") if socks else None
    if url.scheme != "http":
        return HttpProxy(url.host, 0, unusable=f"it is spoken to by {url.scheme}")
    headers = dict(pool_manager.proxy_headers or {})
    if url.auth and not any(name.lower() == "proxy-authorization" for name in headers):
        from urllib3.util import make_headers

        headers.update(make_headers(proxy_basic_auth=url.auth))
    return HttpProxy(url.host.strip("[]"), url.port or HTTP, tuple((str(k), str(v)) for k, v in headers.items()))
