"""A failed status as grpcurl prints it: code, message, and each of its details in the format of the call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.cli.go_words import code_name
from grpcdoctor.client.errors import FormatError
from grpcdoctor.client.rich_status import rich_status
from grpcdoctor.client.transport.base_call import DEADLINE_WORDS

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcdoctor.cli.grpcurl.formats import Writer
    from grpcdoctor.client.formats.types import Types
    from grpcdoctor.client.status import Status


async def error_text(status: Status, writer: Writer, types: Types) -> str:
    """Several lines; behind the first of a detail they begin with a tab."""
    message, more = _said_of(status)
    lines = ["ERROR:", f"  Code: {code_name(status.code)}", f"  Message: {message}"]
    details = rich_status(status).details
    if details:
        lines.append("  Details:")
    for number, detail in enumerate(details, 1):
        head = f"  {number})"
        text = await _detail(detail, writer, types)
        lines.append(f"{head}\t" + text.replace("\n", f"\n{' ' * len(head)}\t"))
    return "\n".join((*lines, *more)) + "\n"


async def formatted(status: Status, writer: Writer, types: Types) -> str:
    """-format-error: without a final line break."""
    try:
        return await writer.write_own(rich_status(status), types)
    except FormatError as wrong:
        return f"ERROR: {wrong}"


def _said_of(status: Status) -> tuple[str, list[str]]:
    """grpcurl's message, which scripts may look for, and a line of what else is known of a deadline."""
    words, _, more = status.message.partition(": ")
    if status.from_peer or words != DEADLINE_WORDS or not more:
        return status.message, []
    return words, [f"{more[0].upper()}{more[1:]}."]


async def _detail(detail: Message, writer: Writer, types: Types) -> str:
    try:
        return await writer.write(detail, types)
    except FormatError as wrong:
        return f"Error parsing detail message: {wrong}"
