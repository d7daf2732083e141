"""Methods by the name that a user writes, found with everything that their messages may carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.client.close_names import close_names
from grpcdoctor.client.errors import ClientError, NotFoundError, RpcError, SchemaError
from grpcdoctor.client.status import Status
from grpcdoctor.client.symbols import close_services

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor

    from grpcdoctor.client.call import DescriptorSource

_SUGGESTIONS: Final = 3


class MethodNameError(ClientError):
    """What the user wrote is no name of a method."""


class MethodNotFoundError(NotFoundError):
    """No such service, or no such method of it; `kind` says which. The words are grpcurl's: people search for them."""

    def __init__(
        self, words: str, kind: str, name: str, suggestions: Iterable[str], cause: NotFoundError | None
    ) -> None:
        super().__init__(kind, name, tuple(suggestions), cause)
        self.args = (words,)


def split_method_name(text: str) -> tuple[str, str]:
    """`package.Service/Method` or `package.Service.Method` -> its service and its method. Raises MethodNameError."""
    service, _, method = text.rpartition("/" if "/" in text else ".")
    if not service or not method:
        raise MethodNameError(
            f"given method name \"{text}\" is not in expected format: 'service/method' or 'service.method'"
        )
    return service, method


async def find_method(source: DescriptorSource, name: str) -> MethodDescriptor:
    """The method that a user's `name` means, with the known extensions of its messages loaded.

    Raises MethodNameError, MethodNotFoundError with names that are close to it, and what the source raises.
    """
    service_name, method_name = split_method_name(name)
    try:
        service = await _find_service(source, service_name)
    except MethodNotFoundError as missing:
        methods = await _methods_of(source, name) if "/" not in name and missing.caused_by is None else []
        if methods:
            raise MethodNotFoundError(str(missing), missing.kind, missing.name, methods, None) from missing
        raise
    method: MethodDescriptor | None = service.methods_by_name.get(method_name)
    if method is None:
        words = f'service "{service_name}" does not include a method named "{method_name}"'
        close = [f"{service_name}/{each}" for each in close_names(method_name, service.methods_by_name)]
        raise MethodNotFoundError(words, "Method", method_name, close, None)
    await load_extensions(source, method.input_type, method.output_type)
    return method


async def load_extensions(source: DescriptorSource, *messages: Descriptor) -> None:
    """Load all known extensions of these messages and of all that they may contain. Raises what the source raises."""
    seen: set[str] = set()
    for root in messages:
        waiting = [root]
        while waiting:
            message = waiting.pop()
            if message.full_name in seen:
                continue
            seen.add(message.full_name)
            if message.is_extendable:
                await _load_extensions_of(source, message.full_name, root.full_name)
            waiting += [field.message_type for field in message.fields if field.message_type is not None]


async def _find_service(source: DescriptorSource, name: str) -> ServiceDescriptor:
    from google.protobuf.descriptor import ServiceDescriptor

    cause = None
    try:
        found = await source.find_symbol(name)
        if isinstance(found, ServiceDescriptor):
            return found
    except NotFoundError as missing:
        cause = missing.caused_by
    except RpcError as failed:
        raise _said_of(failed, f'failed to query for service descriptor "{name}"') from failed
    except SchemaError as unusable:
        raise SchemaError(f'failed to query for service descriptor "{name}": {unusable}') from unusable
    # With a cause the name is right, and something underneath is missing.
    suggestions = await close_services(source, name) if cause is None else []
    raise MethodNotFoundError(f'target server does not expose service "{name}"', "Service", name, suggestions, cause)


async def _methods_of(source: DescriptorSource, text: str) -> list[str]:
    """Where `text` names a service and no method of it: those that it has."""
    from google.protobuf.descriptor import ServiceDescriptor

    try:
        found = await source.find_symbol(text)
    except ClientError:  # it is only asked for a hint
        return []
    names = found.methods_by_name if isinstance(found, ServiceDescriptor) else ()
    return [f"{text}/{method}" for method in names][:_SUGGESTIONS]


async def _load_extensions_of(source: DescriptorSource, message: str, root: str) -> None:
    try:
        await source.extensions_of(message)
    except SchemaError as unusable:
        raise SchemaError(_extensions_failed(root, message) + f": {unusable}") from unusable
    except RpcError as failed:
        raise _said_of(failed, _extensions_failed(root, message)) from failed


def _extensions_failed(root: str, message: str) -> str:
    return f"error resolving server extensions for message {root}: failed to query for extensions of type {message}"


def _said_of(failed: RpcError, what: str) -> RpcError:
    status = failed.status
    return RpcError(Status(status.code, f"{what}: {status.message}", status.details, status.from_peer), failed.answer)
