"""Server reflection that answers with descriptors exactly as it was given them, unlike grpcio's own.

grpcio-reflection serves what its descriptor pool makes of a file; here json_name, missing files and symbols of every
kind are in the tests' hands. Both versions of the protocol have the same messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto

NOT_FOUND = grpc.StatusCode.NOT_FOUND.value[0]


class RawReflection:
    """`files`: all that there is, dependencies too; `services`: what is listed, in this order."""

    def __init__(self, files: Iterable[FileDescriptorProto], services: list[str], token: str = "") -> None:
        self._services = services
        self._token = token
        self._files = {file.name: file for file in files}
        self._file_of_symbol = {name: file for file in self._files.values() for name in symbols_of(file)}
        self._extensions: dict[str, dict[int, FileDescriptorProto]] = {}
        for file in self._files.values():
            for extendee, number in _extensions_of(file):
                self._extensions.setdefault(extendee, {})[number] = file

    def handler(self, version: str) -> Any:
        """For a grpcio server; `version`: v1 | v1alpha"""
        method = grpc.stream_stream_rpc_method_handler(
            self._answer_all,
            request_deserializer=ServerReflectionRequest.FromString,
            response_serializer=lambda answer: answer.SerializeToString(),
        )
        service = f"grpc.reflection.{version}.ServerReflection"
        return grpc.method_handlers_generic_handler(service, {"ServerReflectionInfo": method})

    def _answer_all(self, requests: Iterable[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        given = {str(name): value for name, value in context.invocation_metadata()}
        if self._token and given.get("authorization") != self._token:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "reflection wants an authorization")
        for request in requests:
            yield self._answer(request)

    def _answer(self, request: Any) -> Any:
        answer = ServerReflectionResponse(valid_host=request.host, original_request=request)
        kind = request.WhichOneof("message_request")
        getattr(self, f"_{kind}")(getattr(request, kind), answer)
        return answer

    def _list_services(self, _: str, answer: Any) -> None:
        answer.list_services_response.SetInParent()
        for name in self._services:
            answer.list_services_response.service.add(name=name)

    def _file_by_filename(self, name: str, answer: Any) -> None:
        self._give(self._files.get(name), f"no file {name}", answer)

    def _file_containing_symbol(self, name: str, answer: Any) -> None:
        self._give(self._file_of_symbol.get(name), f"no symbol {name}", answer)

    def _file_containing_extension(self, wanted: Any, answer: Any) -> None:
        file = self._extensions.get(wanted.containing_type, {}).get(wanted.extension_number)
        self._give(file, f"no extension {wanted.extension_number} of {wanted.containing_type}", answer)

    def _all_extension_numbers_of_type(self, name: str, answer: Any) -> None:
        if name not in self._file_of_symbol:
            self._give(None, f"no type {name}", answer)
            return
        numbers = answer.all_extension_numbers_response
        numbers.base_type_name = name
        numbers.extension_number.extend(sorted(self._extensions.get(name, {})))

    def _give(self, file: FileDescriptorProto | None, otherwise: str, answer: Any) -> None:
        if file is None:
            answer.error_response.error_code = NOT_FOUND
            answer.error_response.error_message = otherwise
            return
        for each in self._with_dependencies(file, {}):
            answer.file_descriptor_response.file_descriptor_proto.append(each.SerializeToString())

    def _with_dependencies(
        self, file: FileDescriptorProto, found: dict[str, FileDescriptorProto]
    ) -> Iterable[FileDescriptorProto]:
        """The file first, and after it, as far as they are known, those that it imports."""
        found[file.name] = file
        for name in file.dependency:
            if name in self._files and name not in found:
                self._with_dependencies(self._files[name], found)
        return found.values()


def symbols_of(file: FileDescriptorProto) -> Iterator[str]:
    """The full names of everything that a file declares: also fields, oneofs, methods and enum values."""
    scope = f"{file.package}." if file.package else ""
    for message in file.message_type:
        yield from _symbols_of_message(message, scope)
    for enum in file.enum_type:
        yield from _symbols_of_enum(enum, scope)
    for extension in file.extension:
        yield scope + extension.name
    for service in file.service:
        yield scope + service.name
        for method in service.method:
            yield f"{scope}{service.name}.{method.name}"


def _symbols_of_message(message: DescriptorProto, scope: str) -> Iterator[str]:
    yield scope + message.name
    inner = f"{scope}{message.name}."
    for name in [each.name for kind in (message.field, message.extension) for each in kind]:
        yield inner + name
    for oneof in message.oneof_decl:
        yield inner + oneof.name
    for nested in message.nested_type:
        yield from _symbols_of_message(nested, inner)
    for enum in message.enum_type:
        yield from _symbols_of_enum(enum, inner)


def _symbols_of_enum(enum: EnumDescriptorProto, scope: str) -> Iterator[str]:
    yield scope + enum.name
    for value in enum.value:  # C++ scoping: a value is a sibling of its enum
        yield scope + value.name


def _extensions_of(file: FileDescriptorProto) -> Iterator[tuple[str, int]]:
    """(the full name of the extended message, number) of all extensions, nested ones too."""
    messages = list(file.message_type)
    for extension in file.extension:
        yield extension.extendee.lstrip("."), extension.number
    while messages:
        message = messages.pop()
        messages += message.nested_type
        for extension in message.extension:
            yield extension.extendee.lstrip("."), extension.number
