"""A model that only selects: what it is shown, how its choice is put together with that of rules, and what is told."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen import Report, Status, research_team
from bullpen.agents.choosing import chosen_by, folded, segments
from bullpen.agents.reading import Chosen, Kind, Note, Picked
from bullpen.agents.sections import laid_out
from bullpen.orchestrator.evidence import Passage, Quote, Source
from bullpen.orchestrator.gateway.model import Card, Completion, Request
from bullpen.orchestrator.rules.numbering import Numbered, number
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing import ScriptedModel, scripted_system

TEXT = """# The ferry

The ferry of Aldern cost 300 crowns in 1902. It sails at dawn and at dusk.

## Crew

The captain was Ada Holm of Aldern. She left in the spring of 1910.

## Remark

One line alone stands here.
"""
HALLS = ["The town hall has a clock of its own.", "The clock of the hall was made by Emil Wied.", "It stopped in 1931."]


def passage_of(document: Numbered, words: str) -> Passage:
    start = TEXT.index(words)
    return Passage(source="ferry.md", title="The ferry", start=start, end=start + len(words), text=words)


@pytest.fixture
def ferry() -> Numbered:
    return number(Source(id="ferry.md", title="The ferry", uri="ferry.md", text_hash="0"), TEXT)


def test_a_model_is_shown_sections_each_once_and_none_without_a_choice(ferry: Numbered) -> None:
    found = [passage_of(ferry, words) for words in ("Ada Holm", "She left", "One line", "sails at dawn")]
    shown = segments(found, {"ferry.md": ferry})

    assert [segment.as_asked() for segment in shown] == [
        {
            "title": "The ferry › Crew",
            "text": "[1] The captain was Ada Holm of Aldern.\n[2] She left in the spring of 1910.",
        },
        {
            "title": "The ferry",
            "text": "[1] The ferry of Aldern cost 300 crowns in 1902.\n[2] It sails at dawn and at dusk.",
        },
    ]
    assert segments(found, {}) == []


def test_a_long_section_is_shown_in_pieces_those_that_were_found() -> None:
    said = [f"The chronicle of year {n} speaks of wool." for n in range(1, 36)]
    text = "# Chronicle\n\n" + "\n\n".join(said)
    whole = number(Source(id="c", title="Chronicle", uri="c", text_hash="0"), text)
    start = text.index("year 12 ")
    [segment] = segments(
        [Passage(source="c", title="Chronicle", start=start, end=start + 8, text="year 12 ")], {"c": whole}
    )

    assert [line.text for line in segment.lines] == said[10:20]


@given(st.lists(st.integers(-3, 9), max_size=12))
def test_whatever_numbers_come_back_a_piece_quotes_its_own_lines_alone_and_few(numbers: list[int]) -> None:
    ferry = number(Source(id="ferry.md", title="The ferry", uri="ferry.md", text_hash="0"), TEXT)
    [segment] = segments([passage_of(ferry, "Ada Holm")], {"ferry.md": ferry})
    quotes = segment.quotes(Picked(sentences=tuple(numbers)))

    assert len(quotes) == len({n for n in numbers if n in (1, 2)})
    assert all(quote.text == TEXT[quote.start : quote.end] and "Crew" not in quote.text for quote in quotes)


def quote_of(n: int) -> Quote:
    return Quote(source="a", start=100 * n, end=100 * n + 20, text=f"Sentence number {n:04d}.")


def note_of(n: int) -> Note:
    return Note(point=1, text=quote_of(n).text, quotes=(quote_of(n),))


@given(
    st.lists(st.integers(0, 30), unique=True, max_size=8),
    st.lists(st.lists(st.integers(0, 30), unique=True, max_size=5), max_size=6),
)
def test_a_model_adds_to_what_rules_chose_and_takes_nothing_away(ruled: list[int], named: list[list[int]]) -> None:
    notes = folded(1, [note_of(n) for n in ruled], [[quote_of(n) for n in one] for one in named], {})
    added = {n for one in named for n in one} - set(ruled)

    assert {note.text for note in notes if not note.is_added} == {quote_of(n).text for n in ruled}
    told = {note.text for note in notes if note.is_added}
    assert told <= {quote_of(n).text for n in added}
    assert len(told) == min(5, len(added))
    assert len(notes) == len({note.text for note in notes})


def order_of(
    ruled: Sequence[int], named: Sequence[Sequence[int]], near: Mapping[int, float] | None = None
) -> list[int]:
    told = {quote_of(n).text: value for n, value in (near or {}).items()}
    notes = folded(1, [note_of(n) for n in ruled], [[quote_of(n) for n in one] for one in named], told)
    return [int(note.text[-5:-1]) for note in notes]


def test_what_both_choose_comes_first_and_with_it_what_the_model_names_beside_it() -> None:
    assert order_of([1, 2, 3], [[3]]) == [3, 1, 2]
    assert order_of([1, 2], [[2, 1]]) == [2, 1]
    assert order_of([1, 2, 3], [[7, 8], [1, 9]]) == [1, 2, 9, 3, 7, 8]
    assert order_of([], [[7], [8], [9]]) == [7, 8, 9]
    assert order_of([], [[7], [8], [9]], {9: 0.9, 7: 0.5, 8: 0.1}) == [7, 9, 8]
    assert order_of([1], [[7], [1, 9]], {7: 0.9, 9: 0.1}) == [1, 9, 7]


def test_a_question_is_no_answer() -> None:
    text = "# The ferry\n\nWhat did the ferry of Aldern cost? It cost 300 crowns, they say.\n"
    ferry = number(Source(id="ferry.md", title="The ferry", uri="ferry.md", text_hash="0"), text)
    whole = Passage(source="ferry.md", title="The ferry", start=0, end=len(text), text=text)
    [segment] = segments([whole], {"ferry.md": ferry})

    assert segment.quotes(Picked(sentences=(1,))) == []


KINDS: Sequence[Kind] = ("fact", "list", "history")


@given(
    st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=60),
    st.sampled_from(KINDS),
)
def test_a_report_with_what_a_model_adds_has_all_that_it_has_without(given: list[tuple[int, bool]], kind: Kind) -> None:
    """Whatever is added, and wherever: also the very words of what rules have chosen."""
    notes = [
        Note(point=point, text=f"Day {n // 2} was as day {n // 3}.", quotes=(quote_of(n),), is_added=is_added)
        for n, (point, is_added) in enumerate(given)
    ]
    points = ["one?", "two?", "three?"]
    whole = laid_out("one?", kind, points, notes, {})
    without = laid_out("one?", kind, points, [note for note in notes if not note.is_added], {})

    assert {claim.text for claim in without.claims} <= {claim.text for claim in whole.claims}
    assert len(whole.claims) <= max(20, len(without.claims) + 6)


def test_a_sentence_that_is_quoted_with_the_one_before_it_takes_the_place_of_that_one() -> None:
    short = note_of(1)
    longer = Quote(source="a", start=100, end=150, text=f"{quote_of(1).text} It is longer.")
    [both] = folded(1, [short], [[longer]], {})
    [within] = folded(1, [both], [[quote_of(1)]], {})

    assert (both.quotes, both.is_added) == ((longer,), False)
    assert within.quotes == (longer,)


def test_who_chose_is_told_in_words() -> None:
    told = chosen_by([Chosen(model="small", asked=3, answered=2), Chosen(model="small", asked=1, answered=1)])

    assert told == "rules chose the sentences, and small in 3 of the 4 passages that it was shown"
    assert chosen_by([]) == chosen_by([Chosen()]) == ""


# The desk


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "ferry.md").write_text(TEXT)
    (tmp_path / "docs" / "hall.md").write_text(f"# The hall\n\n{' '.join(HALLS)}\n")
    return tmp_path / "docs"


async def report(tmp_path: Path, corpus: Path, model: ScriptedModel, question: str, ability: str = "select") -> Report:
    rung = Rung(model="scripted:small", ability=ability)  # type: ignore[arg-type] # what settings allow
    async with scripted_system(research_team, model, project=tmp_path / "project", rungs=(rung,)) as system:
        async with system.launch(question, corpus=corpus) as job:
            return await job.result()


def naming(words: str) -> Any:
    """Names the line that holds these words, where one does."""

    def answer(request: Request) -> Any:
        lines = request.inputs["passage"]["text"].splitlines()
        return {"sentences": [n for n, line in enumerate(lines, start=1) if words in line]}

    return answer


COST = "What did the ferry of Aldern cost?"


@pytest.mark.anyio
async def test_what_the_model_names_stands_beside_what_rules_choose_each_as_it_stands(
    tmp_path: Path, corpus: Path
) -> None:
    by_rule = await report(tmp_path, corpus, ScriptedModel({"select": {"sentences": []}}), COST)
    model = ScriptedModel({"select": naming("She left")})
    found = await report(tmp_path / "again", corpus, model, COST)

    said = {claim.text for claim in found.claims}
    assert said - {claim.text for claim in by_rule.claims} == {"She left in the spring of 1910."}
    assert {claim.text for claim in by_rule.claims} < said
    assert {request.prompt for request in model.requests} == {"select"}
    assert all(claim.text in TEXT or claim.text in HALLS for claim in found.claims if claim.quotes)
    assert found.checked is not None
    assert "rules chose the sentences, and small in" in found.checked.reason
    assert "Chosen with the help of small (scripted)." in found.text
    assert "Written by" not in found.text
    assert found.status is Status.OK


@pytest.mark.anyio
@pytest.mark.parametrize("answer", ["no JSON", {"sentences": [0, 99, -1]}, {"sentences": list(range(1, 400))}])
async def test_bad_answers_leave_what_rules_choose(tmp_path: Path, corpus: Path, answer: Any) -> None:
    found = await report(tmp_path, corpus, ScriptedModel({"select": answer}), COST)

    assert found.claims[0].text.startswith("The ferry of Aldern cost 300 crowns in 1902.")
    assert {quote.text for claim in found.claims for quote in claim.quotes} == {claim.text for claim in found.claims}


@pytest.mark.anyio
async def test_a_model_that_never_answers_is_spared_and_the_report_of_rules_says_so(
    tmp_path: Path, corpus: Path
) -> None:
    refusing = ScriptedModel({"select": Completion(Outcome.OFF_SCHEMA, detail="no number")})
    found = await report(tmp_path, corpus, refusing, COST)

    assert found.claims[0].text == "The ferry of Aldern cost 300 crowns in 1902."
    assert found.status is Status.PARTIAL
    assert "no number" in " ".join(gap.detail for gap in found.gaps)
    asked = {request.inputs["passage"]["text"] for request in refusing.requests}
    assert len(asked) == 2


@pytest.mark.anyio
async def test_what_rules_refuse_a_model_that_only_selects_is_not_asked(tmp_path: Path, corpus: Path) -> None:
    model = ScriptedModel({"select": {"sentences": [1]}})
    found = await report(tmp_path, corpus, model, "What is the boiling point of tungsten?")

    assert (found.claims, found.status, model.requests) == ((), Status.EMPTY, [])


@pytest.mark.anyio
async def test_where_nobody_takes_notes_sentences_are_selected_under_each_point(tmp_path: Path, corpus: Path) -> None:
    model = ScriptedModel({"select": naming("Emil Wied")}, card=Card())
    found = await report(tmp_path, corpus, model, f"{COST[:-1]}, and who made the clock of the hall?", "prose")

    said = {claim.text for claim in found.claims}
    assert {"The ferry of Aldern cost 300 crowns in 1902.", HALLS[1]} <= said
    assert found.checked is not None
    assert "no model wrote this" in found.checked.reason
