"""A request line in its parts, and paths in the form in which they can be counted."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from grpcdoctor.texts.access_log.tokens import said

# /package.Service/Method. Without a package only where both names look like a .proto's, or any /two/words would do.
_GRPC: Final = re.compile(r"/(?:(?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*|[A-Z]\w*)/[A-Za-z_]\w*", re.ASCII)
_VARIABLE: Final = re.compile(r"\d+|[0-9a-fA-F-]{16,}|(?=[^/]*\d)[\w.~=-]{20,}|.{65,}", re.ASCII)
_LONGEST: Final = 200
_SEGMENTS: Final = 8
_METHOD: Final = re.compile(r"[A-Z-]{1,16}", re.ASCII)


def split_request(text: str) -> tuple[str, str, str, str]:
    """(method, path, protocol, authority) of `POST https://host/path HTTP/2.0`; empty where it is no request line."""
    method, _, rest = text.partition(" ")
    if not _METHOD.fullmatch(method):
        return "", "", "", ""
    path, space, protocol = rest.rpartition(" ")
    if not space:
        path, protocol = rest, ""
    authority, path = split_url(said(path))
    return said(method), path, said(protocol), authority


def split_url(url: str) -> tuple[str, str]:
    """(authority, path); a mere path has no authority."""
    scheme, separator, rest = url.partition("://")
    if not separator or "/" in scheme:
        return "", url
    authority, slash, path = rest.partition("/")
    return authority, slash + path


def is_grpc(path: str) -> bool:
    """Whether a path is that of a gRPC method, as far as a path can say."""
    return _GRPC.fullmatch(path) is not None


@lru_cache(maxsize=4096)
def counted_path(path: str) -> str:
    """A gRPC method as it is; of any other path what recurs: without query, and `*` for identifiers."""
    path = path.partition("?")[0]
    if is_grpc(path) and len(path) <= _LONGEST:
        return path
    segments = path[: 4 * _LONGEST].split("/")
    shown = ["*" if _VARIABLE.fullmatch(each) else each for each in segments[: _SEGMENTS + 1]]
    return "/".join([*shown, "…"] if len(segments) > len(shown) else shown)[:_LONGEST]
