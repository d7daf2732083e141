"""What `list` shows: services, and their methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcdoctor.client.call_record import kind_of
from grpcdoctor.client.errors import ClientError, ConnectError, NotFoundError, SchemaError
from grpcdoctor.client.symbols import close_services

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

    from grpcdoctor.client.call import DescriptorSource


@dataclass(frozen=True, slots=True)
class ListedMethod:
    name: str
    kind: str
    """unary, client-streaming, server-streaming, bidi-streaming."""
    request: str
    response: str
    deprecated: bool


@dataclass(frozen=True, slots=True)
class ListedService:
    """`methods` is None where they were not asked for, or could not be had: then `error` says why."""

    name: str
    methods: tuple[ListedMethod, ...] | None = None
    deprecated: bool | None = None
    error: str | None = None


async def list_services(source: DescriptorSource, with_methods: bool) -> list[ListedService]:
    """By name. A service that is listed and cannot be described (its descriptor is at another server, or stripped)
    keeps no other from being shown. Raises ClientError where nothing can be listed."""
    names = sorted(await source.list_services())
    if not with_methods:
        return [ListedService(name) for name in names]
    return [await _listed_or_why_not(source, name) for name in names]


async def list_service(source: DescriptorSource, name: str) -> ListedService:
    """One service with its methods. Raises NotFoundError, SchemaError for what is no service, and as the source."""
    from google.protobuf.descriptor import ServiceDescriptor

    try:
        found = await source.find_symbol(name)
    except NotFoundError as missing:
        if missing.caused_by is not None:
            raise
        raise NotFoundError("Service", name, await close_services(source, name)) from missing
    if not isinstance(found, ServiceDescriptor):
        raise SchemaError(f"{name} is no service; describe shows what it is")
    return _listed(found)


async def _listed_or_why_not(source: DescriptorSource, name: str) -> ListedService:
    try:
        return await list_service(source, name)
    except ConnectError:
        raise
    except ClientError as unknown:
        return ListedService(name, error=str(unknown))


def _listed(service: ServiceDescriptor) -> ListedService:
    methods = tuple(_method(method) for method in sorted(service.methods, key=lambda method: method.name))
    return ListedService(service.full_name, methods, bool(service.GetOptions().deprecated))


def _method(method: MethodDescriptor) -> ListedMethod:
    return ListedMethod(
        name=method.name,
        kind=kind_of(method),
        request=method.input_type.full_name,
        response=method.output_type.full_name,
        deprecated=bool(method.GetOptions().deprecated),
    )
