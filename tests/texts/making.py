"""Signatures made for one test, so that it does not hang on the data."""

from __future__ import annotations

from grpcdoctor.texts.matching import Match
from grpcdoctor.texts.phrases import phrase
from grpcdoctor.texts.signature import Reading, Signature


def signature(weight: int, *causes: tuple[str, float], versions: tuple[Reading, ...] = ()) -> Signature:
    return Signature(
        id=f"made/{weight}",
        library="made",
        speaker="client",
        layer="http2",
        says=(phrase("made for a test"),),
        unless=(),
        means="It was made for a test.",
        weight=weight,
        causes=causes,
        check="",
        examples=(),
        versions=versions,
    )


def match(weight: int, *causes: tuple[str, float], versions: tuple[Reading, ...] = ()) -> Match:
    return Match(signature(weight, *causes, versions=versions), "made for a test", 0)
