"""Context assembly: what goes before a model is sliced from its sources, fits, and what does not is named."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bullpen import Passage
from bullpen.memory.borders import pieces
from bullpen.memory.context import (
    FRAME,
    SHARES,
    Assembled,
    Budget,
    Reason,
    Shares,
    Span,
    assemble,
    cost,
    gaps,
    in_turns,
)
from bullpen.orchestrator.rules.tokens import estimate

TEXT = (
    "The harbour lamp was lit in 1883. It burned oil. Keepers lived beside it.\n\n"
    "The lamp was replaced in 1951. Dr. Moe signed the order, e.g. for the cable. Nobody objected.\n\n"
    "- lamp one stands north\n- lamp two stands south\n\nGulls breed there. The lamp cost 40 crowns."
)
SOURCES = {"a.md": TEXT, "b.md": TEXT.replace("lamp", "buoy"), "c.md": "short"}


def passage(source: str, start: int, end: int, *, heading: str = "", title: str = "") -> Passage:
    return Passage(
        source=source, title=title, start=start, end=end, text=SOURCES[source][start:end], heading=heading, line=3
    )


def said(source: str, text: str, **more: str) -> Passage:
    """A passage with these words, somewhere in a source of that name."""
    return Passage(source=source, title=more.get("title", ""), start=0, end=len(text), text=text)


@st.composite
def spans(draw: st.DrawFn) -> Passage:
    source = draw(st.sampled_from(sorted(SOURCES)))
    start = draw(st.integers(0, len(SOURCES[source]) - 1))
    end = draw(st.integers(start + 1, len(SOURCES[source])))
    return passage(source, start, end, heading=draw(st.sampled_from(["", "Lamps"])))


def characters(passages: list[Passage]) -> set[tuple[str, int]]:
    """Where every character that is no white space stands."""
    return {(p.source, at) for p in passages for at in range(p.start, p.end) if not SOURCES[p.source][at].isspace()}


def assembled(candidates: list[Passage], budget: int, share: float) -> Assembled:
    between = {gap: SOURCES[gap.source][gap.start : gap.end] for gap in gaps(candidates)}
    return assemble("What did the lamp cost?", candidates, budget, source_share=share, between=between)


candidates = st.lists(spans(), max_size=8)
budgets = st.integers(0, 600)
shares = st.sampled_from([0.25, 0.6, 1.0])


@given(candidates, budgets, shares)
def test_every_text_is_a_slice_of_its_source_and_all_fit(found: list[Passage], budget: int, share: float) -> None:
    whole = assembled(found, budget, share)

    for kept in (*whole.passages, *(left.passage for left in whole.omitted)):
        assert kept.text == SOURCES[kept.source][kept.start : kept.end]
        assert kept.text == kept.text.strip() != ""
    assert whole.tokens == sum(map(cost, whole.passages)) <= budget


@given(candidates, budgets, shares)
def test_every_word_is_kept_or_named_as_left_out(found: list[Passage], budget: int, share: float) -> None:
    whole = assembled(found, budget, share)

    told = characters([*whole.passages, *(left.passage for left in whole.omitted)])
    bridges = {(gap.source, at) for gap in gaps(found) for at in range(gap.start, gap.end)}
    assert characters(found) <= told <= characters(found) | bridges


@given(candidates, budgets, shares)
@example([passage("a.md", 73, 75), passage("b.md", 0, 1), passage("a.md", 0, 76)], 95, 0.25)
def test_nothing_stands_there_twice_and_the_best_come_first(found: list[Passage], budget: int, share: float) -> None:
    kept = assembled(found, budget, share).passages

    assert sum(len(characters([p])) for p in kept) == len(characters(list(kept)))
    ranks = [min(n for n, other in enumerate(found) if characters([other]) & characters([p])) for p in kept]
    assert ranks == sorted(ranks)


@given(candidates, budgets, shares)
def test_equal_candidates_give_equal_passages(found: list[Passage], budget: int, share: float) -> None:
    assert assembled(found, budget, share) == assembled(found, budget, share)


def test_with_room_for_all_nothing_is_left_out_but_what_is_said_twice() -> None:
    copy = said("copy.md", TEXT[:74])
    whole = assemble("lamp", [passage("a.md", 0, 74), copy, passage("b.md", 0, 74)], 10_000)

    assert [p.source for p in whole.passages] == ["a.md", "b.md"]
    assert [(left.passage.source, left.reason) for left in whole.omitted] == [("copy.md", Reason.REPEATS)]


@pytest.mark.parametrize(
    ("other", "is_kept"),
    [
        ("The harbour lamp was lit in 1884. It burned oil. Keepers lived beside it.", True),  # another figure
        ("The harbour lamp was lit in 1883. It burned oil. Vik lived beside it.", True),  # another name
        ("The harbour lamp was lit in 1883. Keepers lived beside it.", False),
    ],
)
def test_what_names_another_figure_or_name_repeats_nothing(other: str, is_kept: bool) -> None:
    whole = assemble("lamp", [said("one", TEXT[:74]), said("two", other)], 10_000)

    assert ("two" in [p.source for p in whole.passages]) is is_kept


def test_a_document_of_another_title_repeats_nothing() -> None:
    whole = assemble("lamp", [said("one", TEXT[:74], title="Lamp foo"), said("two", TEXT[:74], title="Lamp bar")], 999)

    assert len(whole.passages) == 2


def test_overlapping_and_neighbouring_passages_of_one_section_are_one() -> None:
    end = TEXT.index("\n\n")
    parts = [passage("a.md", end + 2, 120), passage("a.md", 0, 50), passage("a.md", 34, end)]
    between = {Span("a.md", end, end + 2): "\n\n"}

    assert gaps(parts) == list(between)
    assert [p.text for p in assemble("lamp", parts, 999, between=between).passages] == [TEXT[:120].strip()]
    assert [p.start for p in assemble("lamp", parts, 999).passages] == [end + 2, 0]


def test_passages_of_two_sections_stay_apart() -> None:
    parts = [passage("a.md", 0, 50, heading="One"), passage("a.md", 50, 74, heading="Two")]

    assert gaps(parts) == []
    assert [p.heading for p in assemble("lamp", parts, 999).passages] == ["One", "Two"]


def test_a_source_that_has_had_its_share_waits_for_the_others() -> None:
    text = "The lamp number {} burned oil, as every keeper of the coast knew well."
    loud = [said("loud", text.format(n)).model_copy(update={"start": n * 90, "end": n * 90 + 70}) for n in range(5)]
    loud = [p.model_copy(update={"end": p.start + len(p.text)}) for p in loud]
    quiet = said("quiet", "Another lamp was gas, and nobody along the coast had known of it.")
    budget = 3 * cost(loud[0])

    greedy = assemble("lamp", [*loud, quiet], budget)
    fair = assemble("lamp", [*loud, quiet], budget, source_share=0.5)

    assert {p.source for p in greedy.passages} == {"loud"}
    assert {p.source for p in fair.passages} == {"loud", "quiet"}
    assert {left.reason for left in fair.omitted} <= {Reason.SOURCE, Reason.CUT}
    assert set(fair.spent) == {"loud", "quiet"}


def test_one_source_alone_is_not_held_back() -> None:
    parts = [passage("a.md", 0, 74), passage("a.md", 76, 170)]

    assert assemble("lamp", parts, 999, source_share=0.1).omitted == ()


def test_what_does_not_fit_is_cut_to_the_sentences_that_share_most_with_the_question() -> None:
    long = " ".join(f"Sentence {n} speaks of gulls and of nothing else at all." for n in range(30))
    text = f"{long} The lamp cost 40 crowns. {long}"
    whole = assemble("What did the lamp cost?", [said("a", text)], FRAME + 60)

    assert [p.text for p in whole.passages] == ["The lamp cost 40 crowns."]
    assert whole.passages[0].start == len(long) + 1
    assert [left.reason for left in whole.omitted] == [Reason.CUT, Reason.CUT]


def test_what_shares_nothing_with_the_question_is_not_cut_but_left_out() -> None:
    text = " ".join(f"Sentence {n} speaks of gulls and of nothing else at all." for n in range(30))
    whole = assemble("lamp", [said("a", text)], FRAME + 60)

    assert whole.passages == ()
    assert [left.reason for left in whole.omitted] == [Reason.BUDGET]


def test_what_was_cut_has_no_line_any_more() -> None:
    whole = assemble("Dr. Moe signed an order", [passage("a.md", 0, len(TEXT))], FRAME + 45)

    assert whole.passages[0].start > 0
    assert whole.passages[0].line == 0


def test_several_rankings_are_heard_in_turns() -> None:
    assert in_turns([["a", "b", "c"], [], ["d", "e"]]) == ["a", "d", "b", "e", "c"]


def test_tokens_are_counted_by_whoever_is_asked_to() -> None:
    whole = assemble("lamp", [passage("a.md", 0, 74)], 9_999, count=len)

    assert whole.tokens == FRAME + len("a.md  ") + len(TEXT[:74].strip())


def test_a_budget_divides_by_the_kind_of_question() -> None:
    mine = Budget(1_000, {"fact": Shares(evidence=0.5, source=0.5, conversation=0.3, examples=0.2)})

    assert mine.tokens_of("evidence", "fact") == 500
    assert mine.tokens_of("conversation", "fact") == 300
    assert mine.tokens_of("evidence", "survey") == 1_000 * SHARES["fact"].evidence


@pytest.mark.parametrize("shares", SHARES.values(), ids=SHARES)
def test_no_kind_of_question_spends_more_than_there_is(shares: Shares) -> None:
    assert shares.evidence + shares.conversation + shares.examples <= 1
    assert 0 < shares.source <= 1


@given(st.text(alphabet="Ab. \n-!。1", max_size=80))
def test_pieces_are_the_text(text: str) -> None:
    assert "".join(text[piece.start : piece.end] for piece in pieces(text)) == text


def test_pieces_end_with_sentences_items_and_lines_of_what_has_neither() -> None:
    code = "\n".join(f"value_{n} = compute({n}, other)" for n in range(30))

    found = [TEXT[piece.start : piece.end].strip() for piece in pieces(TEXT)]
    assert "Dr. Moe signed the order, e.g. for the cable." in found
    assert "- lamp one stands north" in found
    assert len(pieces(code)) == 30
    assert len(pieces("灯は赤い。灯は青い。")) == 2


def test_the_estimate_is_the_gateways() -> None:
    only = passage("c.md", 0, 5)

    assert cost(only) == FRAME + estimate("c.md  ") + estimate("short")
