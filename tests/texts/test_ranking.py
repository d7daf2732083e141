"""Many matches make one ranking: the telling one decides, wrappers hardly count, what agrees adds up."""

from __future__ import annotations

from grpcdoctor.texts.clues import Clue
from grpcdoctor.texts.ranking import rank
from grpcdoctor.texts.signals import Signals
from grpcdoctor.texts.signature import Reading
from tests.texts.making import match

NOTHING = Signals()


def names(*found: object, clues: tuple[Clue, ...] = (), signals: Signals = NOTHING) -> list[str]:
    return [ranked.rule for ranked in rank(found, signals, clues)]  # type: ignore[arg-type]


def test_nothing_recognised_ranks_nothing() -> None:
    assert names() == []


def test_the_order_of_one_signature_is_kept() -> None:
    assert names(match(70, ("a", 1.0), ("b", 0.6), ("c", 0.4))) == ["a", "b", "c"]


def test_an_inner_message_decides_over_its_wrapper() -> None:
    assert names(match(90, ("inner", 1.0)), match(30, ("wrapper", 1.0)))[0] == "inner"


def test_two_that_agree_outweigh_one_that_does_not() -> None:
    assert names(match(60, ("a", 0.6), ("b", 0.5)), match(55, ("b", 0.6)))[0] == "b"


def test_shares_never_exceed_certainty() -> None:
    ranked = rank([match(100, ("a", 1.0), ("b", 0.6)), match(95, ("a", 1.0))], NOTHING)
    assert sum(one.share for one in ranked) <= 1.0
    assert ranked[0].share > 0.5


def test_a_clue_shifts_the_odds_and_says_so() -> None:
    clue = Clue("sixty", "60 s is nginx's", (("b", 5.0),))
    ranked = rank([match(60, ("a", 0.6), ("b", 0.5))], NOTHING, [clue])
    assert (ranked[0].rule, ranked[0].clues) == ("b", ("60 s is nginx's",))


def test_a_clue_alone_names_no_cause() -> None:
    assert names(clues=(Clue("sixty", "60 s is nginx's", (("b", 5.0),)),)) == []


def test_a_version_in_the_text_chooses_its_reading() -> None:
    new = Reading("envoy", "1.37", None, (("timeout", 1.0),), "code 2 is what code 0 was")
    found = match(60, ("reset", 1.0), versions=(new,))
    assert names(found, signals=Signals(versions=(("envoy", "1.38.0"),))) == ["timeout"]
    assert names(found, signals=Signals(versions=(("envoy", "1.36.2"),))) == ["reset"]
    assert names(found) == ["reset"]
