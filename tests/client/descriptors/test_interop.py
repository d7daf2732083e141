"""Reflection of real grpc-js, grpc-go and grpc-java servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from grpcdoctor.client.descriptors.export import protoset_of
from grpcdoctor.client.descriptors.reflection import ReflectionSource
from grpcdoctor.client.errors import NotFoundError
from grpcdoctor.client.options import ChannelOptions
from grpcdoctor.client.transport.channel import open_channel
from grpcdoctor.model.target import parse_target
from grpcdoctor.wire.deadline import Deadline
from tests.lab.grpc_js import grpc_js_server
from tests.lab.interop import PROGRAMS, interop_server

SECONDS = 20.0
SERVERS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "grpc-go": lambda: interop_server("grpc-go"),
    "grpc-go, v1alpha alone": lambda: interop_server("grpc-go", reflection="v1alpha"),
    "grpc-java": lambda: interop_server("grpc-java"),
    "grpc-js": lambda: grpc_js_server(tls=False),
}
servers = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.needs(program))
        for name in SERVERS
        for program in (*PROGRAMS, "@grpc/grpc-js")
        if program.removeprefix("@grpc/") in name
    ],
)


@servers
def test_a_servers_schema_is_listed_found_and_written(name: str) -> None:
    async def asked(port: int) -> tuple[list[str], list[str], list[str]]:
        channel = open_channel(ChannelOptions(target=parse_target(f"127.0.0.1:{port}", plaintext=True)))
        try:
            source = ReflectionSource(channel, (), Deadline.after(SECONDS))
            services = await source.list_services()
            symbols = ("lab.Greeter", "lab.Greeter.SayHello", "lab.HelloRequest", "lab.HelloRequest.name")
            found = [(await source.find_symbol(symbol)).name for symbol in symbols]
            with pytest.raises(NotFoundError):
                await source.find_symbol("lab.Nobody")
            assert await source.extensions_of("lab.HelloRequest") == []
            files = FileDescriptorSet.FromString(await protoset_of(source, ["lab.Greeter"])).file
            return services, found, [service.name for file in files for service in file.service]
        finally:
            await channel.close()

    with SERVERS[name]() as server:
        services, found, written = asyncio.run(asked(server.port))
    assert "lab.Greeter" in services
    assert found == ["Greeter", "SayHello", "HelloRequest", "name"]
    assert "Greeter" in written
