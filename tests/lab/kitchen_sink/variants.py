"""The servers of the kitchen, and the one way in which each differs from a plain one."""

from __future__ import annotations

from dataclasses import dataclass

TOKEN = "Bearer of-the-kitchen"


@dataclass(frozen=True)
class Variant:
    """`reflection`: both | v1 | v1alpha | stock (grpcio's own, which knows no methods by name) | no"""

    reflection: str = "both"
    certificate: str = ""
    """Which of tests.lab.certificates it presents; plaintext where empty."""
    client_certificates: bool = False
    unix: bool = False
    json_names: bool = True
    """Whether reflection tells them, as protoc writes them; many servers leave them out."""
    missing: tuple[str, ...] = ()
    """Files that reflection does not know, though others import them."""
    reflection_token: str = ""
    """The `authorization` without which reflection answers UNAUTHENTICATED."""
    listed: bool = True
    """Whether reflection lists any service at all."""


VARIANTS = {
    "plain": Variant(),
    "v1": Variant(reflection="v1"),
    "v1alpha": Variant(reflection="v1alpha"),
    "stock": Variant(reflection="stock"),
    "without_reflection": Variant(reflection="no"),
    "guarded_reflection": Variant(reflection_token=TOKEN),
    "without_json_names": Variant(json_names=False),
    "without_options": Variant(missing=("kitchen/v1/options.proto",)),
    "without_dependency": Variant(missing=("kitchen/v1/legacy.proto",)),
    "listing_nothing": Variant(listed=False),
    "unix": Variant(unix=True),
    "tls": Variant(certificate="good"),
    "mutual_tls": Variant(certificate="good", client_certificates=True),
    "unknown_ca": Variant(certificate="unknown_ca"),
    "other_name": Variant(certificate="other_name"),
    "expired": Variant(certificate="expired"),
}
