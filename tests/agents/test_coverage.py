"""How much of a question the evidence bears on."""

import pytest

from bullpen import Claim, Passage, Quote
from bullpen.agents.coverage import best_share, contains, is_name, key_words, share, uncovered, unknown_names, weights
from bullpen.orchestrator.evidence import Record

from .corpus import REGULATIONS, mentions_of


def passage(source: str, text: str, title: str = "", heading: str = "") -> Passage:
    return Passage(source=source, title=title, start=0, end=len(text), text=text, heading=heading)


def quoting(text: str) -> Claim:
    return Claim(text=text, quotes=(Quote(source="a", start=0, end=len(text), text=text),))


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What did the pilot cost?", ["pilot", "cost"]),
        ("Which Pilot is the pilot of 3.31?", ["pilot", "3.31"]),
        ("Please tell me why it was so.", []),
        ("Is serde_json the same as serde-json?", ["serde_json", "same", "serde-json"]),
        ("What of 7 and x?", ["7"]),
        ("", []),
    ],
)
def test_the_words_that_a_question_is_about(question: str, words: list[str]) -> None:
    assert key_words(question) == words


@pytest.mark.parametrize("word", ["3.31", "serde_json", "utf8", "v2", "a/b"])
def test_a_word_with_marks_or_digits_is_a_name(word: str) -> None:
    assert is_name(word)


@pytest.mark.parametrize("word", ["well", "don't", "well-known", "Größe"])
def test_a_word_of_letters_is_no_name(word: str) -> None:
    assert not is_name(word)


@pytest.mark.parametrize(
    ("text", "word", "holds"),
    [
        ("SQLite 3.31 is meant.", "3.31", True),
        ("SQLite 3.31.", "3.31", True),
        ("SQLite 3.31.1 is meant.", "3.31", False),
        ("SQLite 13.31 is meant.", "3.31", False),
        ("SQLite 2.3.31 is meant.", "3.31", False),
        ("SQLite 3 has 31 pages.", "3.31", False),
        ("It uses serde_json for this.", "serde_json", True),
        ("It uses Serde_JSON for this.", "serde_json", True),
        ("It uses serde and json for this.", "serde_json", False),
        ("The trams were counted.", "tram", True),
        ("The pilots were counted.", "counting", True),
        ("A well known fact is told.", "well-known", True),
        ("A well-known fact is told.", "known", True),
        ("It is known.", "well-known", False),
        ("", "bus", False),
    ],
)
def test_a_name_must_stand_as_it_is_written_and_a_word_in_any_form(text: str, word: str, holds: bool) -> None:
    assert contains(text, word) is holds


def test_a_name_that_nobody_writes_weighs_all_and_a_word_its_rarity() -> None:
    rarity = {"bus": 0.2, "3.31": 0.1}

    assert weights(["bus", "3.31", "tungsten"], rarity, ["The bus."]) == {"bus": 0.2, "3.31": 1.0, "tungsten": 1.0}
    assert weights(["3.31"], rarity, ["Of 3.31."]) == {"3.31": 0.1}


def test_the_share_goes_by_weight() -> None:
    assert share({"tram": 0.25, "tungsten": 0.75}, "The trams run.") == 0.25
    assert share({}, "Anything.") == 1.0


def test_passages_of_one_document_count_together_with_title_and_heading_and_others_do_not() -> None:
    weighted = {"bus": 1.0, "cost": 1.0, "night": 1.0, "paid": 1.0}
    one = [passage("a", "It was paid."), passage("a", "The cost.", title="Bus", heading="By night")]
    apart = [passage("a", "It was paid, the cost."), passage("b", "The bus by night.")]

    assert best_share(weighted, one) == 1.0
    assert best_share(weighted, apart) == 0.5
    assert best_share(weighted, []) == 0.0


def test_what_no_evidence_contains_is_uncovered_and_what_a_claim_only_says_is_not_evidence() -> None:
    record = Record(source="REG-7", field="status", value="Active")
    looked = Claim(text="status: Active — “Stairs of every kind” (REG 7)", records=(record,), rule="lookup")
    made_up = Claim(text="Tungsten is mined.", quotes=quoting("It is mined.").quotes)

    assert uncovered("What is the status of the stairs of tungsten?", [looked]) == ("tungsten",)
    assert uncovered("Where is tungsten mined?", [made_up]) == ("tungsten",)
    assert uncovered("Where is Tungsten mined?", [made_up], explained=["tungsten"]) == ()


def test_what_a_question_names_and_no_document_is_called_is_unknown() -> None:
    question = "Does REG 77 replace REG 7, as REG 77 says in “Lifts in towers of glass”?"

    assert unknown_names(mentions_of(question, REGULATIONS)) == ("REG 77", "Lifts in towers of glass")
