"""Order: what a command line asks for, once it has been found to make sense. Its checks come in grpcurl's order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Final, NamedTuple

from grpcdoctor.cli.grpcurl.failures import Misuse
from grpcdoctor.cli.grpcurl.flags import JSON, TEXT, Flags


class Verb(Enum):
    LIST = "list"
    DESCRIBE = "describe"
    CALL = ""


_VERBS: Final = {verb.value: verb for verb in (Verb.LIST, Verb.DESCRIBE)}


class Order(NamedTuple):
    """`address` is "" where none was given; so is `symbol`."""

    flags: Flags
    verb: Verb
    address: str
    symbol: str


# (whether it is wrong, what is said), in order
_WRONG_FLAGS: Final[tuple[tuple[Callable[[Flags], bool], str], ...]] = (
    (lambda flags: flags.connect_timeout < 0, "The -connect-timeout argument must not be negative."),
    (lambda flags: flags.keepalive_time < 0, "The -keepalive-time argument must not be negative."),
    (lambda flags: flags.max_time < 0, "The -max-time argument must not be negative."),
    (lambda flags: flags.max_msg_sz < 0, "The -max-msg-sz argument must not be negative."),
    (lambda flags: flags.plaintext and flags.alts, "The -plaintext and -alts arguments are mutually exclusive."),
    (lambda flags: flags.insecure and not flags.tls, "The -insecure argument can only be used with TLS."),
    (lambda flags: flags.cert != "" and not flags.tls, "The -cert argument can only be used with TLS."),
    (lambda flags: flags.key != "" and not flags.tls, "The -key argument can only be used with TLS."),
    (
        lambda flags: (flags.key == "") != (flags.cert == ""),
        "The -cert and -key arguments must be used together and both be present.",
    ),
    (
        lambda flags: flags.alts_handshaker_service != "" and not flags.alts,
        "The -alts-handshaker-service argument must be used with the -alts argument.",
    ),
    (
        lambda flags: bool(flags.alts_target_service_account) and not flags.alts,
        "The -alts-target-service-account argument must be used with the -alts argument.",
    ),
    (lambda flags: flags.format not in (JSON, TEXT), "The -format option must be 'json' or 'text'."),
)


def read_order(flags: Flags, words: Sequence[str], warn: Callable[[str], None]) -> Order:
    """Check flags and words, warnings along the way. Raises Misuse."""
    for is_wrong, text in _WRONG_FLAGS:
        if is_wrong(flags):
            raise Misuse(text)
    if flags.emit_defaults and flags.format != JSON:
        warn("The -emit-defaults is only used when using json format.")
    order = _read_words(flags, list(words), warn)
    if order.verb is Verb.CALL and not order.address:
        raise Misuse("No host:port specified.")
    if not flags.has_files and not order.address:
        raise Misuse("No host:port specified, no protoset specified, and no proto sources specified.")
    _check_sources(flags, warn)
    return order


def _read_words(flags: Flags, words: list[str], warn: Callable[[str], None]) -> Order:
    """[address] list|describe [symbol], or [address] symbol."""
    address = words.pop(0) if words and words[0] not in _VERBS else ""
    if not words:
        raise Misuse("Too few arguments.")
    verb = _VERBS.get(words[0], Verb.CALL)
    if verb is not Verb.CALL:
        words.pop(0)
        for text in _unused_with_verbs(flags):
            warn(f"The {text} argument is not used with 'list' or 'describe' verb.")
    symbol = words.pop(0) if words else ""
    if words:
        raise Misuse("Too many arguments.")
    return Order(flags, verb, address, symbol)


def _unused_with_verbs(flags: Flags) -> Iterator[str]:
    if flags.data:
        yield "-d"
    if flags.rpc_header:
        yield "-rpc-header"


def _check_sources(flags: Flags, warn: Callable[[str], None]) -> None:
    if flags.protoset and flags.reflect_header:
        warn("The -reflect-header argument is not used when -protoset files are used.")
    if flags.protoset and flags.proto:
        raise Misuse("Use either -protoset files or -proto files, but not both.")
    if flags.import_path and not flags.proto:
        warn("The -import-path argument is not used unless -proto files are used.")
    if flags.use_reflection is False and not flags.has_files:
        raise Misuse("No protoset files or proto files specified and -use-reflection set to false.")
