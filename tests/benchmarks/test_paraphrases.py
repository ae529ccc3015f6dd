"""The questions in other words than the documents use: how they are parted, and what counts as right."""

from bullpen.benchmarks.answers.paraphrases import KEPT, TUNED, halves, holds
from bullpen.benchmarks.answers.run import HERE, read_lines

QUESTIONS = read_lines(HERE / "paraphrases.jsonl")


def quoting(source: str, text: str, answer: tuple[str, ...] = ()) -> dict[str, object]:
    return {"text": text, "answer": answer, "quotes": [{"source": source, "text": text}], "records": []}


def test_each_question_is_in_one_half_and_both_hold_as_many_that_can_be_answered() -> None:
    of = halves(QUESTIONS)

    answerable = [question["id"] for question in QUESTIONS if question["gold_docs"]]
    assert of == halves(list(reversed(QUESTIONS)))
    assert len(of) == len(QUESTIONS) == len({question["question"] for question in QUESTIONS})
    assert sum(of[name] == TUNED for name in answerable) == sum(of[name] == KEPT for name in answerable) == 25


def test_right_is_a_gold_phrase_in_what_is_shown_of_a_gold_document() -> None:
    question = {"gold_docs": ["budget-note"], "answer": ["201,100"]}

    assert holds({"claims": [quoting("budget-note.md", "The full cost was\n£201,100.")]}, question)
    assert not holds({"claims": [quoting("other.md", "The full cost was £201,100.")]}, question)
    assert not holds({"claims": [quoting("budget-note.md", "The cost was £171,400.")]}, question)
