"""Whether an answer fits its field, by the rules by which the whole request is read later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.client.form_fields import AnswerError
from grpcdoctor.client.formats.json_positions import Start
from grpcdoctor.client.formats.json_reader import JsonReader
from grpcdoctor.client.formats.json_syntax import parse
from grpcdoctor.client.formats.misfit import MisfitError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcdoctor.client.formats.types import Types
    from grpcdoctor.client.request_form import Check


def checking(types: Types) -> Check:
    """Required fields that are not there yet are no fault. The Check raises AnswerError, and TypeNeededError where
    `types` is not settled."""

    def check(descriptor: Descriptor, text: str) -> None:
        from google.protobuf.message_factory import GetMessageClass

        try:
            JsonReader(types, False).read(GetMessageClass(descriptor)(), parse(text, Start()))
        except MisfitError as wrong:
            raise AnswerError(wrong.why) from wrong
        except RecursionError as deep:
            raise AnswerError("it is nested too deeply") from deep

    return check
