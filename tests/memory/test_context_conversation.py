"""A long conversation in a budget: the last turns stay, older ones are excerpted, quotes are kept, the rest named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen import Quote
from bullpen.memory.conversation import Excerpt, Turn, condense, divide
from bullpen.orchestrator.rules.tokens import PER_MESSAGE, estimate

QUOTE = Quote(source="lamp.md", start=4, end=31, text="The lamp cost forty crowns.")
OTHER = Quote(source="gulls.md", start=0, end=18, text="Gulls breed there.")
IDLE = "We spoke of the weather for a while. It rained again. Nobody minded much."
TURNS = (
    Turn("user", "What did the lamp of the harbour cost?"),
    Turn("assistant", f"I looked it up. {QUOTE.text} That was in 1951.", (QUOTE,)),
    *(Turn("user", IDLE) for _ in range(10)),
    Turn("assistant", f"{OTHER.text} They always have.", (OTHER,)),
    Turn("user", "Thank you. Let us go on."),
)
ASKED = "lamp cost"

texts = st.lists(st.sampled_from(["lamp", "gull. ", "It cost 40. ", "rain", "\n\n", "灯。"]), max_size=8).map("".join)
quotes = st.lists(st.sampled_from([QUOTE, OTHER]), max_size=2).map(tuple)
conversations = st.lists(st.builds(Turn, st.sampled_from(["user", "assistant"]), texts, quotes), max_size=8)
budgets = st.integers(0, 120)
summaries = st.sampled_from([None, "", "They spoke of lamps. One cost 40. Gulls came up. It rained."])


@given(conversations, budgets, summaries, st.sampled_from([0.0, 1 / 3, 1.0]))
def test_what_comes_out_fits(turns: list[Turn], budget: int, summary: str | None, window: float) -> None:
    short = condense(turns, budget, ASKED, summary=summary, window=window)

    said = [*(quote.text for quote in short.quotes), *(turn.text for turn in short.window)]
    told = estimate(short.summary) + sum(estimate(excerpt.text) for excerpt in short.excerpts)
    frame = PER_MESSAGE if short.summary or short.excerpts else 0
    assert short.tokens == sum(PER_MESSAGE + estimate(text) for text in said) + told + frame <= budget


@given(conversations, budgets, st.sampled_from([0.0, 1 / 3, 1.0]))
def test_every_word_stands_there_or_is_named_as_left_out(turns: list[Turn], budget: int, window: float) -> None:
    short = condense(turns, budget, ASKED, window=window)

    older = turns[: len(turns) - len(short.window)]
    assert tuple(turns[len(older) :]) == short.window
    for n, turn in enumerate(older):
        parts = sorted(part for part in (*short.excerpts, *short.omitted) if part.turn == n)
        assert all(part.text == turn.text[part.start : part.end] for part in parts)
        assert "".join(part.text for part in parts) == turn.text
    assert {*short.quotes, *short.unquoted} | {q for t in short.window for q in t.quotes} == {
        quote for turn in turns for quote in turn.quotes
    }


@given(conversations, budgets)
def test_a_summary_leaves_out_the_older_turns_and_names_them(turns: list[Turn], budget: int) -> None:
    divided, short = divide(turns, budget, ASKED), condense(turns, budget, ASKED, summary="They spoke of lamps.")

    assert (short.window, short.quotes) == (divided.window, divided.quotes)
    assert [part.text for part in short.omitted] == [turn.text for turn in divided.older if turn.text]


def test_a_conversation_that_fits_stays_as_it_is() -> None:
    whole = condense(TURNS, 1_000, ASKED)

    assert (whole.window, whole.excerpts, whole.quotes, whole.omitted) == (TURNS, (), (), ())


def test_older_turns_come_to_what_tells_most_on_the_question() -> None:
    short = condense(TURNS, 100, ASKED)

    assert short.window[-1] == TURNS[-1]
    assert short.excerpts[0] == Excerpt(0, 0, len(TURNS[0].text), TURNS[0].text)
    assert any("forty crowns" in excerpt.text for excerpt in short.excerpts)


def test_quotes_of_older_turns_are_kept_word_for_word_with_their_source() -> None:
    short = condense(TURNS, 100, ASKED, summary="They spoke of a lamp.")

    assert short.quotes[0] == QUOTE
    assert short.summary == "They spoke of a lamp."


def test_where_not_all_quotes_fit_the_one_on_the_question_does() -> None:
    turns = (*TURNS, Turn("user", IDLE))
    short = divide(turns, 50, ASKED, window=0.0)

    assert (short.quotes, short.unquoted) == ((QUOTE,), (OTHER,))


def test_a_summary_that_is_too_long_ends_with_a_whole_sentence() -> None:
    short = condense(TURNS, 60, ASKED, summary="The lamp came first. " + "Much else was said. " * 40, window=0.2)

    assert short.summary.startswith("The lamp came first. Much")
    assert short.summary.endswith("said.")
    assert short.tokens <= 60


def test_the_model_is_told_what_to_summarise_and_how_long_it_may_get() -> None:
    divided = divide(TURNS, 100, ASKED)

    assert divided.older + divided.window == TURNS
    fitted = condense(TURNS, 100, ASKED, summary="word " * divided.summary_tokens).summary
    assert estimate(fitted) <= divided.summary_tokens < 100


def test_the_last_turn_stays_even_where_it_outgrows_the_window() -> None:
    long = Turn("user", IDLE * 3)

    assert divide([*TURNS, long], 100, ASKED).window == (long,)
    assert divide([*TURNS, long], 20, ASKED).window == ()


def test_without_a_question_that_tells_anything_there_is_no_excerpt() -> None:
    assert condense(TURNS, 100, "the").excerpts == ()


@pytest.mark.parametrize("budget", [0, 1])
def test_nothing_fits_in_nothing(budget: int) -> None:
    short = condense(TURNS, budget, ASKED)

    assert (short.window, short.quotes, short.excerpts, short.tokens) == ((), (), (), 0)
