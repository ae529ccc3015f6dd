"""The report as a person reads it: the answer first, every sentence with its sources, nothing left out in silence."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.envelope import Status
from bullpen.orchestrator.evidence import Claim, Disagreement, Draft, Evidence, Gap, Passage, Quote, Record, Source
from bullpen.orchestrator.rules.compose import compose

TEXT = "The pilot cost 48,000 crowns. It ran for six months."
PASSAGE = Passage(source="a.md", title="A", start=10, end=10 + len(TEXT), text=TEXT, line=7)
QUOTE = Quote(source="a.md", start=10, end=39, text="The pilot cost 48,000 crowns.")
GOOD = Claim(text="It cost 48,000 crowns.", quotes=(QUOTE,))
GAP = (Gap(task="t", reason="E"),)


def source(id: str, title: str = "", **fields: object) -> Source:
    return Source(id=id, title=title or id, uri=f"docs/{id}", text_hash="0", metadata=fields)


EVIDENCE = Evidence(sources=(source("a.md", "A"),), passages=(PASSAGE,))


def row(name: str, **fields: object) -> Claim:
    records = tuple(Record(source=name, field=field, value=value) for field, value in fields.items())
    return Claim(text="; ".join(map(str, fields.values())), records=records, rule="lookup")


def count(text: str, *names: str, answer: tuple[str, ...] = ()) -> Claim:
    records = tuple(Record(source=name, field="id", value=name) for name in names)
    return Claim(text=text, records=records, rule="count", answer=answer)


def written(draft: Draft, evidence: Evidence = EVIDENCE, gaps: tuple[Gap, ...] = (), question: str = "Why?") -> str:
    return compose(question, draft, gaps, evidence)


def cells(line: str) -> list[str]:
    """The cells of a table's row, as a reader of GitHub's Markdown takes it apart: a backslash escapes what follows."""
    found = [""]
    for token in re.findall(r"\\.|.", line, re.DOTALL):
        if token == "|":
            found.append("")
        else:
            found[-1] += token
    assert not found[0], line
    assert not found[-1], line
    return [cell.strip() for cell in found[1:-1]]


def test_the_text_numbers_sources_in_the_order_they_are_needed_and_names_what_is_missing() -> None:
    other = Claim(text="It ended.", quotes=(QUOTE.model_copy(update={"source": "b.md"}), QUOTE))
    text = compose("Why?", Draft(claims=(GOOD, other)), GAP, EVIDENCE, notice="A notice.")

    assert text == (
        "# Why?\n\n*A notice.*\n\n- It cost 48,000 crowns. [1]\n- It ended. [2][1]\n\n"
        "## What is missing\n\n- t: E\n\n## Sources\n\n1. A: docs/a.md:7\n2. b.md\n"
    )


def test_nothing_found_is_said() -> None:
    assert written(Draft(uncovered=("crowns",))) == "# Why?\n\nNothing was found that answers this.\n"


@pytest.mark.parametrize(
    ("status", "said"),
    [(Status.FAILED, "the work failed"), (Status.OVER_BUDGET, "the budget"), (Status.EMPTY, "Nothing was found")],
)
def test_without_an_answer_it_is_said_whether_one_was_looked_for(status: Status, said: str) -> None:
    assert said in compose("Why?", Draft(), GAP, EVIDENCE, status=status)


def test_the_answer_stands_first_and_bold_and_the_rest_is_a_list() -> None:
    answer = GOOD.model_copy(update={"answer": ("48,000",)})
    text = written(Draft(claims=(answer, GOOD)))

    assert text.startswith("# Why?\n\n**It cost 48,000 crowns. [1]**\n\n- It cost 48,000 crowns. [1]\n\n")


def test_what_metadata_says_of_several_documents_is_a_table() -> None:
    evidence = Evidence(sources=(source("PEP-8", "Style", number=8), source("b", status="Draft")))
    rows = (row("PEP-8", id="PEP-8", status=["Final", "Active"]), row("b", status="Draft", last_seen=2020))

    assert written(Draft(claims=rows), evidence).split("\n\n")[1] == (
        "| document | status | last seen |\n| --- | --- | --- |\n"
        "| PEP 8, Style [1] | Final; Active |  |\n| b [2] | Draft | 2020 |"
    )


def test_one_document_is_a_sentence_and_so_is_what_rests_on_several_or_on_quotes() -> None:
    several = row("b", status="Draft").model_copy(update={"records": (*row("b", s=1).records, *row("c", s=1).records)})
    quoted = row("d", status="Final").model_copy(update={"quotes": (QUOTE,)})

    assert written(Draft(claims=(row("b", status="Draft"),))).split("\n\n")[1] == "- Draft [1]"
    assert written(Draft(claims=(several, quoted))).split("\n\n")[1] == "- Draft [1][2]\n- Final [3][4]"


def test_counts_by_the_same_things_are_a_table() -> None:
    claims = (
        count("3 — all", "a", "b", "c", answer=("3",)),
        count("year: 2020 · number: 1 · status: Final 1", "a"),
        count("year: 2021 · number: 2 · status: Draft 1, none 1", "b", "c"),
    )

    assert written(Draft(claims=claims)).split("\n\n")[1:3] == [
        "**3 — all [1][2][3]**",
        "| year | number | status | documents |\n| --- | --- | --- | --- |\n"
        "| 2020 | 1 | Final 1 | [1] |\n| 2021 | 2 | Draft 1, none 1 | [2][3] |",
    ]


def test_counts_by_different_things_are_sentences() -> None:
    claims = (count("year: 2020 · number: 1", "a"), count("month: 5 · number: 1", "b"))

    assert written(Draft(claims=claims)).split("\n\n")[1] == "- year: 2020 · number: 1 [1]\n- month: 5 · number: 1 [2]"


def test_a_claim_computed_from_many_names_three_and_says_how_many_more() -> None:
    text = written(Draft(claims=(count("5 — all", *"abcde", answer=("5",)),)))

    assert "**5 — all [1][2][3] and 2 more**" in text
    assert text.endswith("3. c\n\n…and the metadata of 2 more documents, which the run names one by one.\n")


def test_a_look_up_names_all_its_documents() -> None:
    records = tuple(Record(source=name, field="status", value="Final") for name in "abcde")
    text = written(Draft(claims=(Claim(text="Final", records=records, rule="lookup", answer=("Final",)),)))

    assert "**Final [1][2][3][4][5]**" in text
    assert "more" not in text


@pytest.mark.parametrize(
    ("places", "uri", "expected"),
    [
        ([(7, 0)], "a.md", "A: a.md:7"),
        ([(9, 0), (7, 0), (7, 0)], "a.md", "A: a.md:7, :9"),
        ([(7, 3), (9, 2), (9, 2)], "a.pdf", "A: a.pdf, p. 2, 3"),
        ([(7, 0)], "a.html#part", "A: a.html#part"),
        ([(0, 0)], "a.md", "A: a.md"),
    ],
)
def test_a_source_is_opened_at_its_pages_or_else_at_its_lines(
    places: list[tuple[int, int]], uri: str, expected: str
) -> None:
    passages = tuple(PASSAGE.model_copy(update={"line": line, "page": page}) for line, page in places)
    named = source("a.md", "A").model_copy(update={"uri": uri})

    assert written(Draft(claims=(GOOD,)), Evidence(sources=(named,), passages=passages)).endswith(f"\n1. {expected}\n")


def test_only_the_places_that_are_quoted_are_named() -> None:
    other = PASSAGE.model_copy(update={"start": 100, "end": 100 + len(TEXT), "line": 12})
    evidence = EVIDENCE.model_copy(update={"passages": (PASSAGE, other)})

    assert written(Draft(claims=(GOOD,)), evidence).endswith("\n1. A: docs/a.md:7\n")


def test_disagreements_have_their_sides_and_the_sides_their_sources() -> None:
    disagreement = Disagreement(about="the cost", sides=(GOOD, Claim(text="Less.", quotes=(QUOTE,))))
    text = written(Draft(disagreements=(disagreement,)))

    assert "## Where sources disagree\n\n- the cost\n  - It cost 48,000 crowns. [1]\n  - Less. [1]\n\n" in text
    assert text.endswith("\n1. A: docs/a.md:7\n")


def test_what_is_missing_are_the_gaps_and_the_words_that_nothing_contains() -> None:
    gaps = (Gap(task="search", reason="Timeout", detail="after 3 s"), Gap(task="t", reason="E"))
    text = written(Draft(claims=(GOOD,), uncovered=("budget", "2031")), gaps=gaps)

    assert (
        "## What is missing\n\n- search: Timeout: after 3 s\n- t: E\n"
        "- No evidence above contains these words of the question: budget, 2031.\n\n"
    ) in text


def test_why_it_is_worse_than_it_could_be_ends_the_report() -> None:
    reasons = ("rung main: set A_KEY", "b answered,\n\n## not a")
    text = compose("Why?", Draft(claims=(GOOD,)), (), EVIDENCE, degraded=reasons)

    assert text.endswith("\n\n## Degraded\n\n- rung main: set A_KEY\n- b answered, ## not a\n")
    assert "## Degraded" not in written(Draft(claims=(GOOD,)))


HOSTILE = [
    "a | b",
    "a\\| b",
    "a\\\\| b",
    "ends with \\",
    "line\nbreak",
    "\r\n| x | y |\r\n",
    "\u2028next\u2029next\x85next\x0bnext",
    "# Heading\n\n## Sources\n\n1. forged",
    "<script>alert(1)</script>\n<table>",
    "`a|b`",
    "[x](http://a.invalid)|",
    "| --- | --- |",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_leaves_its_cell(text: str) -> None:
    evidence = Evidence(sources=(source("a", text), source("b", "B")))
    claims = (row("a", **{text: "1", "status": text}), row("b", status="Final"))
    counts = (count(f"year: {text} · number: 1", "a"), count("year: 2 · number: 2", "b"))
    table, counted = (written(Draft(claims=kind), evidence).split("\n\n")[1].splitlines() for kind in (claims, counts))

    assert [len(cells(line)) for line in table] == [3] * 4
    assert [len(cells(line)) for line in counted] == [3] * 4
    assert cells(table[3]) == ["b, B [2]", "", "Final"]


@given(st.lists(st.text(st.sampled_from("a|\\\n\r `<#\u2028"), max_size=12), min_size=2, max_size=2))
def test_whatever_the_values_a_table_keeps_its_shape_and_its_words(values: list[str]) -> None:
    rows = [row(name, status=value) for name, value in zip("ab", values, strict=True)]
    lines = written(Draft(claims=tuple(rows))).split("\n\n")[1].splitlines()

    assert len(lines) == 4
    for line, value in zip(lines[2:], values, strict=True):
        [_, cell] = cells(line)
        assert re.sub(r"[\\\s]", "", cell) == re.sub(r"[\\\s]", "", value)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_begins_a_section_of_its_own(text: str) -> None:
    evidence = Evidence(sources=(source("a.md", text),), passages=(PASSAGE,))
    side = Claim(text=text, quotes=(QUOTE,))
    draft = Draft(claims=(side,), disagreements=(Disagreement(about=text, sides=(side,)),))
    found = written(draft, evidence, (Gap(task="t", reason="E", detail=text),), question=text)

    assert [line for line in found.splitlines() if line.startswith("## ")] == [
        "## Where sources disagree",
        "## What is missing",
        "## Sources",
    ]
    assert len(found.splitlines()) == 16
