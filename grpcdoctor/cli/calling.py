"""One run of `call`: finds the method, shares out the requests, makes the calls, tries again, sums up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.cli.call_printing import COMMAND, TextPrinter
from grpcdoctor.cli.call_requests import Data, Given, plan, requests_of
from grpcdoctor.cli.client_failures import FAILED, exit_code_of, failure_of, say_cause, say_failure
from grpcdoctor.cli.exit_codes import ExitCode
from grpcdoctor.cli.exporting import export
from grpcdoctor.cli.one_call import Caller
from grpcdoctor.cli.session import Session, open_session
from grpcdoctor.client.call_record import CallRecord, Messages, kind_of
from grpcdoctor.client.errors import ClientError, ConnectError, RpcError
from grpcdoctor.client.latency import Latencies
from grpcdoctor.client.retrying import pauses, worth_retrying
from grpcdoctor.client.status import Status
from grpcdoctor.report.call_json import CallFrame, call_json

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor
    from google.protobuf.message import Message

    from grpcdoctor.cli.client_options import ClientOptions
    from grpcdoctor.cli.dialogue import Asker, Dialogue
    from grpcdoctor.client.formats.types import Types
    from grpcdoctor.client.invoke import Requests
    from grpcdoctor.model.target import Target

# Of a method that streams neither way, where --timeout says nothing. A stream may last as long as its user wants.
_UNARY_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class CallOptions:
    """What is asked for, apart from how it is printed."""

    client: ClientOptions
    target: Target
    method: str | None
    """None: it is chosen in the dialogue."""
    data: Data
    format: str
    emit_defaults: bool
    proto_names: bool
    allow_unknown_fields: bool
    compress: str | None
    repeat: int
    retry: int
    protoset_out: str | None
    proto_out_dir: str | None


@dataclass
class Outcome:
    exit_code: int = 0
    """Of the first call that failed."""
    calls: int = 0
    data: str = ""
    """What the dialogue came to."""
    last: dict[str, Any] | None = None
    """The last call as --output json prints it, where that was wanted."""


class CallRun:
    """Ctrl-C is asyncio's cancellation: it ends the call, and what was received is printed."""

    def __init__(
        self, options: CallOptions, frame: CallFrame, printer: TextPrinter, keep: bool, asker: Asker | None = None
    ) -> None:
        self.outcome = Outcome()
        self._options = options
        self._asker = asker
        self.frame = frame
        self._printer = printer
        self._keep = keep
        self._latencies = Latencies()
        self._causes: dict[object, str | None] = {}

    async def run(self) -> Outcome:
        try:
            async with open_session(self._options.client, self._options.target) as session:
                await self._run_in(session)
        except ClientError as unusable:  # files of descriptors
            await self._finish(self._new_record(), unusable)
        return self.outcome

    async def _run_in(self, session: Session) -> None:
        from grpcdoctor.client.formats.types import Types

        options = self._options
        types = Types(session.source)
        record = self._new_record()
        try:
            name = options.method or await self._dialogue(types).choose_method(session.source)
            method = await self._find(session, name)
            record.method, record.kind = f"{method.containing_service.full_name}/{method.name}", kind_of(method)
            if self._asker is not None:
                self.outcome.data = await self._dialogue(types).requests(method)
            data = options.data if self._asker is None else Data(self.outcome.data.encode())
            await export(
                session.source, [method.containing_service.full_name], options.protoset_out, options.proto_out_dir
            )
            requests = requests_of(data, options.format, types, options.allow_unknown_fields)
            planned = await plan(method, requests, options.repeat)
        except ClientError as wrong:
            await self._finish(record, wrong)
            return
        assert session.channel is not None, "a call has a target"
        caller = Caller(session.channel, method, self.frame.metadata, types, self._writer(types), self._printer)
        self._printer.several = options.repeat * len(planned.calls) > 1
        with self._summing_up():
            for each in planned.each(options.repeat):
                if not await self._make(caller, each):
                    break

    async def _make(self, caller: Caller, requests: Requests) -> bool:
        """One call, tried again as often as is allowed. Whether another one is worth making."""
        retries = _Retries(self._options.retry, self._printer)
        while True:
            record = self._new_record(caller.method, retries.done)
            wrong: ClientError | None = None
            try:
                await caller.make(record, requests)
            except ClientError as failed:
                wrong = failed
            except asyncio.CancelledError:
                await self._finish(record, None, interrupted=True)
                raise
            if not await retries.again(record, wrong, requests):
                break
        await self._finish(record, wrong)
        return wrong is None

    def _dialogue(self, types: Types) -> Dialogue:
        from grpcdoctor.cli.dialogue import Dialogue

        assert self._asker is not None, "without a dialogue there is a method"
        return Dialogue(self._asker, types)

    async def _find(self, session: Session, name: str) -> MethodDescriptor:
        from grpcdoctor.client.methods import MethodNotFoundError, find_method

        retries = _Retries(self._options.retry, self._printer)
        while True:
            try:
                return await find_method(session.source, name)
            except MethodNotFoundError as missing:
                if self._options.client.reflects or missing.kind != "Service":
                    raise
                words = f'the files that were given hold no service "{missing.name}"'  # no server was asked
                raise MethodNotFoundError(
                    words, missing.kind, missing.name, missing.suggestions, missing.caused_by
                ) from missing
            except (ConnectError, RpcError) as failed:
                if not await retries.again(None, failed, None):
                    raise

    async def _finish(self, record: CallRecord, wrong: ClientError | None, interrupted: bool = False) -> None:
        """Tell how the call ended, with its likely cause where it failed."""
        status = record.status
        if wrong is None and status is not None and record.total_ms is not None and not interrupted:
            self._latencies.add(record.total_ms, status)
        code = FAILED if wrong is not None or status is None else exit_code_of(status)
        code = int(ExitCode.INTERRUPTED) if interrupted else code
        self.outcome.calls += 1
        self.outcome.exit_code = self.outcome.exit_code or code
        if wrong is not None:
            say_failure(COMMAND, wrong)
        else:
            self._printer.ended(record, interrupted)
        cause = await self._cause(record, wrong or status) if code and not interrupted else None
        if self._keep or self._printer.keeps_messages:
            failure = None if wrong is None else failure_of(wrong)
            self.outcome.last = call_json(record, self.frame, failure, cause, code)
            self._printer.result(self.outcome.last)

    async def _cause(self, record: CallRecord, failed: ClientError | Status | None) -> str | None:
        """What most likely is wrong, found out and said once for each way to fail."""
        if failed is None:
            return None
        way = failed.code if isinstance(failed, Status) else type(failed)
        if way not in self._causes:
            left = (record.deadline_seconds or self._options.client.step_seconds) - (record.total_ms or 0) / 1000
            options = self._options.client.channel_options(self._options.target)
            answer = record.headers + record.trailers
            self._causes[way] = await say_cause(
                options, failed, left, self.frame.metadata, answer, record.method
            )
        return self._causes[way]

    def _new_record(self, method: MethodDescriptor | None = None, retries: int = 0) -> CallRecord:
        keep = self._keep or self._printer.keeps_messages
        record = CallRecord(requests=Messages(keep), responses=Messages(keep), retries=retries)
        record.compression = self._options.compress
        record.deadline_seconds = self._options.client.timeout
        if method is not None:
            record.method, record.kind = f"{method.containing_service.full_name}/{method.name}", kind_of(method)
            if record.deadline_seconds is None and record.kind == "unary":
                record.deadline_seconds = _UNARY_SECONDS
        return record

    def _writer(self, types: Types) -> Any:
        """Messages as text, in the format that is wanted."""
        options = self._options
        if options.format == "text":
            from grpcdoctor.client.formats.text_writer import to_text

            return lambda message: to_text(message, types)
        from grpcdoctor.client.formats.json_writer import to_json

        names: Any = "proto" if options.proto_names else "camel"

        def write(message: Message) -> str:
            return to_json(message, types, emit_defaults=options.emit_defaults, json_names=names)

        return write

    @contextmanager
    def _summing_up(self) -> Iterator[None]:
        """The latency of several calls, also of those that were made before Ctrl-C."""
        try:
            yield
        finally:
            summary = self._latencies.summary()
            if summary is not None and self._options.repeat > 1:
                self._printer.latency(summary)


class _Retries:
    """Of one call. `done`: how often it was tried again."""

    def __init__(self, tries: int, printer: TextPrinter) -> None:
        self.done = 0
        self._tries = tries
        self._pauses = pauses(tries)
        self._printer = printer

    async def again(self, record: CallRecord | None, wrong: ClientError | None, requests: Requests | None) -> bool:
        """Wait before another try, and say so. False where there is none left, or where it would not be the same call:
        something was received, or requests were read that are gone."""
        failure = _failure_to_retry(record, wrong)
        if failure is None or not worth_retrying(failure):
            return False
        received = record is not None and record.responses.count > 0
        spent = requests is not None and not isinstance(requests, Given) and requests.count > 0
        pause = next(self._pauses, None)
        if pause is None or received or spent:
            return False
        self.done += 1
        self._printer.retrying(str(failure), self.done, self._tries, pause)
        await asyncio.sleep(pause)
        if isinstance(requests, Given):
            requests.rewind()
        return True


def _failure_to_retry(record: CallRecord | None, wrong: ClientError | None) -> Status | ConnectError | None:
    if isinstance(wrong, ConnectError):
        return wrong
    if isinstance(wrong, RpcError):
        return wrong.status
    return record.status if record is not None and wrong is None else None
