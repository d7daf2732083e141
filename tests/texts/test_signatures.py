"""The data holds: every signature knows its own examples, names real rules, and no other claims its place."""

from __future__ import annotations

import pytest

from grpcdoctor.texts.matching import matches_in
from grpcdoctor.texts.normalise import normalise
from grpcdoctor.texts.signature import Signature, signatures

SIGNATURES = signatures()
EXAMPLES = [(signature, example) for signature in SIGNATURES for example in signature.examples]


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda signature: signature.id)
def test_a_signature_has_an_example(signature: Signature) -> None:
    assert signature.examples


@pytest.mark.parametrize(("signature", "example"), EXAMPLES, ids=lambda value: getattr(value, "id", ""))
def test_an_example_is_recognised_by_its_signature_and_by_no_other_of_equal_weight(
    signature: Signature, example: str
) -> None:
    found = matches_in(normalise(example))
    assert signature.id in [match.signature.id for match in found]
    rivals = [m.signature.id for m in found if m.signature.weight >= signature.weight and m.signature != signature]
    assert rivals == [], f"{signature.id} and these claim the same words with equal or more weight"


def test_the_index_finds_what_looking_for_everything_finds() -> None:
    for _, example in EXAMPLES:
        text = normalise(example)
        assert matches_in(text, one_of_many=True) == matches_in(text)
