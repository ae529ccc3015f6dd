"""Which claims go before a model: what is exact always, of each part of a question the best, the rest named."""

from bullpen import Claim, Quote
from bullpen.agents.claims import cost, fitting
from bullpen.orchestrator.evidence import Record


def quoted(text: str) -> Claim:
    return Claim(text=text, quotes=(Quote(source="a", start=0, end=len(text), text=text),))


HARBOUR = [quoted(f"The harbour has lamp number {n} on its pier.") for n in range(4)]
BRIDGE = [quoted(f"The bridge has rivet number {n} in its beam.") for n in range(2)]
EXACT = Claim(
    text="There are 12.", records=(Record(source="a", field="kind", value="lamp"),), rule="count", answer=("12",)
)


def test_claims_that_fit_stay_in_their_order_each_once() -> None:
    assert fitting([HARBOUR, [*BRIDGE, HARBOUR[0]]], 10_000) == ([*HARBOUR, *BRIDGE], [])


def test_each_part_of_a_question_is_heard_before_any_is_heard_again() -> None:
    room = sum(map(cost, [*HARBOUR[:2], BRIDGE[0]]))

    assert fitting([HARBOUR, BRIDGE], room) == ([*HARBOUR[:2], BRIDGE[0]], [*HARBOUR[2:], BRIDGE[1]])


def test_what_metadata_answers_is_never_left_out() -> None:
    assert fitting([[*HARBOUR, EXACT]], 0) == ([EXACT], HARBOUR)


def test_a_claim_that_does_not_fit_makes_way_for_one_that_does() -> None:
    long = quoted("A very long claim about lamps. " * 40)

    assert fitting([[long, HARBOUR[0]]], cost(HARBOUR[0])) == ([HARBOUR[0]], [long])
