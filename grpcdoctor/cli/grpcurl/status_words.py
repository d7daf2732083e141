"""A failed status as grpcurl prints it: code, message, and each of its details in the format of the call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.cli.go_words import code_name
from grpcdoctor.client.errors import FormatError
from grpcdoctor.client.rich_status import rich_status

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcdoctor.cli.grpcurl.formats import Writer
    from grpcdoctor.client.formats.types import Types
    from grpcdoctor.client.status import Status


async def error_text(status: Status, writer: Writer, types: Types) -> str:
    """Several lines; behind the first of a detail they begin with a tab."""
    lines = ["ERROR:", f"  Code: {code_name(status.code)}", f"  Message: {status.message}"]
    details = rich_status(status).details
    if details:
        lines.append("  Details:")
    for number, detail in enumerate(details, 1):
        head = f"  {number})"
        text = await _detail(detail, writer, types)
        lines.append(f"{head}\t" + text.replace("\n", f"\n{' ' * len(head)}\t"))
    return "\n".join(lines) + "\n"


async def formatted(status: Status, writer: Writer, types: Types) -> str:
    """-format-error: without a final line break."""
    try:
        return await writer.write(rich_status(status), types)
    except FormatError as wrong:
        return f"ERROR: {wrong}"


async def _detail(detail: Message, writer: Writer, types: Types) -> str:
    try:
        return await writer.write(detail, types)
    except FormatError as wrong:
        return f"Error parsing detail message: {wrong}"
