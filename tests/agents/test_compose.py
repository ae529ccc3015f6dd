"""The report as a person reads it: the answer first, every sentence with its sources, nothing left out in silence."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.agents.report.composition import compose_research
from bullpen.orchestrator.envelope import Status
from bullpen.orchestrator.evidence import (
    Checked,
    Claim,
    Consulted,
    Disagreement,
    Draft,
    Evidence,
    Gap,
    Layout,
    MadeBy,
    Passage,
    Quote,
    Record,
    Report,
    Source,
)
from bullpen.orchestrator.rules.citing import QUOTE_MOST, Marks, evidence_lines
from bullpen.orchestrator.rules.compose import RULER
from bullpen.orchestrator.rules.report import AROUND

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


def value(draft: Draft, gaps: tuple[Gap, ...] = (), **fields: Any) -> Report:
    """A draft as the report of a job, without its text."""
    return Report(**{"job": "j", "status": Status.OK, "text": "", **dict(draft), "gaps": gaps, **fields})


def written(draft: Draft, evidence: Evidence = EVIDENCE, gaps: tuple[Gap, ...] = (), question: str = "Why?") -> str:
    return compose_research(question, value(draft, gaps), evidence)


def parts(text: str) -> dict[str, str]:
    """The parts of a report under their headings; what comes first is under none."""
    found = re.split(r"^## (.*)\n\n", text.partition(RULER)[0], flags=re.MULTILINE)
    return {"": found[0].strip(), **{name: body.strip() for name, body in zip(found[1::2], found[2::2], strict=True)}}


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


def test_the_text_numbers_quotes_in_the_order_they_are_needed_and_ends_with_who_wrote_it() -> None:
    second = Quote(source="a.md", start=40, end=62, text="It ran for six months.")
    other = Claim(text="It ended.", quotes=(second, QUOTE))
    made = value(Draft(claims=(GOOD, other)), GAP, made_by=MadeBy(lane="x", models=("m",)), cost_usd=0.5, seconds=61.2)

    assert compose_research("Why?", made, EVIDENCE, notice="A notice.") == (
        "# Why?\n\n*A notice.*\n\nIt cost 48,000 crowns. [1] It ended. [2][1]\n\n"
        "## What went wrong\n\n- A step of the work failed.\n\n"
        "## Documents\n\n| document | file |\n| --- | --- |\n| A | docs/a.md |\n\n"
        "## Evidence\n\n- [1] “The pilot cost 48,000 crowns.” — A, a.md:7\n"
        "- [2] “It ran for six months.” — A, a.md:7\n\n"
        "---\n\nWritten by m (x). It cost $0.5000 and took 1 min 1 s.\n"
    )


def test_nothing_found_is_said() -> None:
    found = written(Draft(uncovered=("crowns",))).partition(RULER)[0]

    assert found == "# Why?\n\nNothing was found that answers this."


@pytest.mark.parametrize(
    ("status", "said"),
    [(Status.FAILED, "the work failed"), (Status.OVER_BUDGET, "the budget"), (Status.EMPTY, "Nothing was found")],
)
def test_without_an_answer_it_is_said_whether_one_was_looked_for(status: Status, said: str) -> None:
    assert said in compose_research("Why?", value(Draft(), GAP, status=status), EVIDENCE)


def test_what_metadata_says_of_several_documents_is_a_table() -> None:
    evidence = Evidence(sources=(source("PEP-8", "Style", number=8), source("b", status="Draft")))
    rows = (row("PEP-8", id="PEP-8", status=["Final", "Active"]), row("b", status="Draft", last_seen=2020))
    found = parts(written(Draft(claims=rows), evidence))

    assert found[""].split("\n\n")[1] == (
        "| document | status | last seen |\n| --- | --- | --- |\n"
        "| PEP 8, Style [1] | Final; Active |  |\n| b [2] | Draft | 2020 |"
    )
    assert (
        found["Evidence"]
        == "- [1] status: Final; Active — PEP 8, Style, PEP-8\n- [2] status: Draft · last seen: 2020 — b"
    )


def test_one_document_is_a_sentence_and_so_is_what_rests_on_several_or_on_quotes() -> None:
    several = row("b", status="Draft").model_copy(update={"records": (*row("b", s=1).records, *row("c", s=1).records)})
    quoted = row("d", status="Final").model_copy(update={"quotes": (QUOTE,)})

    assert written(Draft(claims=(row("b", status="Draft"),))).split("\n\n")[1] == "- Draft [1]"
    assert written(Draft(claims=(several, quoted))).split("\n\n")[1] == "Draft [T1] Final [1][2]"


def test_counts_by_the_same_things_are_a_table_and_what_is_within_a_look_up_has_its_number() -> None:
    claims = (
        count("3 — all", "a", "b", "c", answer=("3",)),
        count("year: 2020 · number: 1 · status: Final 1", "a"),
        count("year: 2021 · number: 2 · status: Draft 1, none 1", "b", "c"),
    )
    found = parts(written(Draft(claims=claims)))

    assert found[""].split("\n\n")[1:] == [
        "3 — all [T1]",
        "| year | number | status | evidence |\n| --- | --- | --- | --- |\n"
        "| 2020 | 1 | Final 1 | [T1] |\n| 2021 | 2 | Draft 1, none 1 | [T1] |",
    ]
    assert found["Evidence"] == "- [T1] a count of 3 documents — a, b, c"


def test_counts_by_different_things_are_items() -> None:
    claims = (count("year: 2020 · number: 1", "a"), count("month: 5 · number: 1", "b"))

    assert written(Draft(claims=claims)).split("\n\n")[1:3] == [
        "- year: 2020 · number: 1 [1]",
        "- month: 5 · number: 1 [2]",
    ]


def test_a_look_up_over_many_documents_is_one_number_and_names_some() -> None:
    records = tuple(Record(source=name, field="status", value="Final") for name in "abcdefg")
    found = parts(written(Draft(claims=(Claim(text="Final", records=records, rule="lookup", answer=("Final",)),))))

    assert found[""].endswith("Final [T1]")
    assert found["Evidence"] == "- [T1] fields of 7 documents by status — a, b, c, d, e and 2 more"


def test_a_field_is_cited_by_itself() -> None:
    records = tuple(Record(source=name, field="status", value="Final") for name in "ab")
    found = parts(written(Draft(claims=(Claim(text="Both are final.", records=records, rule="field"),))))

    assert found[""].endswith("Both are final. [1][2]")
    assert found["Evidence"] == "- [1] status: Final — a\n- [2] status: Final — b"


@pytest.mark.parametrize(
    ("line", "page", "uri", "expected"),
    [
        (7, 0, "docs/a.md", "A, a.md:7"),
        (7, 3, "docs/a.pdf", "A, a.pdf, p. 3"),
        (7, 0, "docs/a.html#part", "A, a.html#part"),
        (0, 0, "docs/a.md", "A, a.md"),
    ],
)
def test_a_quote_is_opened_at_its_page_or_else_at_its_line(line: int, page: int, uri: str, expected: str) -> None:
    passage = PASSAGE.model_copy(update={"line": line, "page": page})
    named = source("a.md", "A").model_copy(update={"uri": uri})
    found = written(Draft(claims=(GOOD,)), Evidence(sources=(named,), passages=(passage,)))

    assert parts(found)["Evidence"].endswith(f"— {expected}")


def test_a_quote_has_its_own_line_though_it_stands_in_the_passage_of_another() -> None:
    text = "One.\nTwo.\n\fThree."
    quotes = tuple(
        Quote(source="a.md", start=at, end=at + len(said), text=said)
        for said in ("One.", "Two.", "Three.")
        for at in (text.index(said),)
    )
    passages = tuple(
        Passage(source="a.md", title="", start=0, end=len(text), text=text, line=line, page=page)
        for line, page in ((1, 1), (2, 1), (3, 2))
    )
    lines = evidence_lines(
        Marks([Claim(text="x", quotes=quotes)]), Evidence(passages=passages, sources=EVIDENCE.sources)
    )

    assert [line.rpartition("p. ")[2] for line in lines] == ["1", "1", "2"]
    plain = Evidence(passages=tuple(p.model_copy(update={"page": 0}) for p in passages), sources=EVIDENCE.sources)
    lines = evidence_lines(Marks([Claim(text="x", quotes=quotes)]), plain)
    assert [line.rpartition(":")[2] for line in lines] == ["1", "2", "3"]


def test_a_quote_far_in_a_document_has_the_line_of_its_own_passage() -> None:
    far, near = (Quote(source="a.md", start=start, end=start + 3, text="abc") for start in (1100, 1000))
    passages = tuple(
        Passage(source="a.md", title="", start=q.start - AROUND, end=q.end + AROUND, text="abc".center(403), line=line)
        for q, line in ((far, 30), (near, 20))
    )
    both = passages[0].text[:100] + "abc" + passages[0].text[103:]
    evidence = Evidence(sources=EVIDENCE.sources, passages=(passages[0].model_copy(update={"text": both}), passages[1]))

    assert evidence_lines(Marks([Claim(text="x", quotes=(near,))]), evidence)[0].endswith("a.md:20")


def test_disagreements_say_who_says_what_and_why() -> None:
    less = Claim(text="Less.", quotes=(QUOTE,))
    disagreement = Disagreement(
        about="the cost", sides=(GOOD, less), why=less.model_copy(update={"text": "One is gross."})
    )
    found = parts(written(Draft(disagreements=(disagreement, disagreement.model_copy(update={"why": None})))))

    assert found["Where sources disagree"] == "\n".join(
        f"- the cost{told}\n  - A: It cost 48,000 crowns. [1]\n  - A: Less. [1]" for told in (": One is gross. [1]", "")
    )


def test_quotes_are_printed_up_to_a_bound_on_one_line() -> None:
    long = "word\n" * 300
    claim = Claim(text="x", quotes=(Quote(source="a.md", start=0, end=len(long), text=long),))
    [line] = parts(written(Draft(claims=(claim,))))["Evidence"].splitlines()

    assert line.startswith("- [1] “word word ")
    assert "…” — A" in line
    assert len(line) < QUOTE_MOST + 30


def test_the_documents_say_their_standing_and_how_they_were_read() -> None:
    evidence = Evidence(
        sources=(
            source("PEP-1", "Old", number=1, status="Superseded", created="2020-01-02", superseded_by="PEP-2"),
            source("PEP-2", "New", number=2, status="Final"),
            source("c", "C"),
        ),
    )
    consulted = (
        Consulted(source="PEP-1", depth="sections", cut="212 sentences of 9 sections"),
        Consulted(source="PEP-2"),
        Consulted(source="c", why_not="about other things"),
    )
    claim = Claim(text="x", quotes=(QUOTE.model_copy(update={"source": "PEP-1"}),))
    found = parts(written(Draft(claims=(claim,), documents=consulted), evidence))

    assert found["Documents"] == (
        "3 read, 1 of them used. Read and not used: PEP 2, New; C.\n\n"
        "| document | status | dates | replaced by | read | file |\n| --- | --- | --- | --- | --- | --- |\n"
        "| PEP 1, Old | Superseded | created 2020-01-02 | PEP 2 | in part: 212 sentences of 9 sections | docs/PEP-1 |\n"
        "| PEP 2, New | Final |  |  | not used | docs/PEP-2 |\n"
        "| C |  |  |  | set aside: about other things | docs/c |"
    )


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (
            Gap(task="job", reason="Deadline", detail="the deadline of 3 s; not done: search-1"),
            "The time allowed ran out",
        ),
        (Gap(task="search-1", reason="TimedOut", detail="in 3 s"), "A step of the work took longer than it may."),
        (
            Gap(task="corpus", reason="docs/scan.pdf", detail="it has no text"),
            "Not read: docs/scan.pdf: it has no text.",
        ),
        (Gap(task="corpus", reason="BadInput", detail="no documents"), "No documents."),
        (Gap(task="mine", reason="ValueError", detail="the invoice has no date"), "The invoice has no date."),
        (Gap(task="mine", reason="ValueError"), "A step of the work failed."),
        (
            Gap(task="supervisor", reason="SteeredTooLate", detail="the fares"),
            "It came too late to be heard: the fares.",
        ),
    ],
)
def test_what_went_wrong_is_said_without_names_of_tasks_and_errors(gap: Gap, said: str) -> None:
    found = parts(written(Draft(claims=(GOOD,)), gaps=(gap, gap)))["What went wrong"]

    assert found.startswith(f"- {said}")
    assert found.endswith("(2 times)")
    assert len(found.splitlines()) == 1
    assert not {"search-1", "TimedOut", "ValueError", "BadInput"} & set(re.findall(r"[\w-]+", found))


LIMIT = Gap(task="search", reason="WeakEvidence", detail="its words stand far apart")


def test_a_flat_draft_tells_its_limits_as_what_is_not_answered() -> None:
    found = parts(written(Draft(claims=(GOOD,), uncovered=("budget", "2031")), gaps=(LIMIT,)))

    assert found["Not answered"] == ("- Its words stand far apart.\n- Nothing above says anything of: budget, 2031.")
    assert "What went wrong" not in found


def test_a_draft_with_a_layout_says_itself_what_is_open() -> None:
    claim = GOOD.model_copy(update={"id": "a"})
    draft = Draft(claims=(claim,), layout=Layout(lead=("a",)), uncovered=("budget",), not_answered=("Who paid?",))

    assert parts(written(draft, gaps=(LIMIT,)))["Not answered"] == "- Who paid?"
    assert "Not answered" not in parts(written(draft.model_copy(update={"not_answered": ()}), gaps=(LIMIT,)))
    empty = Draft(layout=Layout())
    assert parts(written(empty, gaps=(LIMIT,)))["Not answered"] == "- Its words stand far apart."


@pytest.mark.parametrize(
    ("checked", "said"),
    [
        (
            Checked(model="m", sentences=22, as_they_stood=21, mended=1),
            "22 sentences, each checked against its quotes by m: 21 as they stood, 1 mended.",
        ),
        (
            Checked(model="m", sentences=1, dropped=("x",), reason="the writer checked"),
            "1 sentence, each checked against its quotes by m: 0 as they stood, 1 left out (the writer checked).",
        ),
        (
            Checked(reason="no other model is set"),
            "Nobody checked the sentences against their quotes: no other model is set.",
        ),
    ],
)
def test_the_footer_says_who_checked(checked: Checked, said: str) -> None:
    assert said in compose_research("Why?", value(Draft(claims=(GOOD,), checked=checked)), EVIDENCE).partition(RULER)[2]


def test_why_it_is_worse_than_it_could_be_ends_the_report() -> None:
    reasons = ("rung main: set A_KEY", "b answered,\n\n## not a")
    text = compose_research("Why?", value(Draft(claims=(GOOD,)), degraded=reasons), EVIDENCE)

    assert text.endswith(" It is worse than it could be: rung main: set A_KEY; b answered, ## not a.\n")
    assert "worse" not in written(Draft(claims=(GOOD,)))


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
    assert cells(table[3]) == ["B [2]", "", "Final"]


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
        "## What went wrong",
        "## Documents",
        "## Evidence",
    ]
    assert len(found.splitlines()) == 26


def test_the_rows_of_a_look_up_are_one_number_and_no_documents_that_were_read() -> None:
    records = tuple(Record(source=name, field="id", value=name) for name in ("a.md", "b.md"))
    claim = Claim(text="Two were found.", records=records, rule="select")
    found = parts(written(Draft(claims=(claim,))))

    assert "Two were found. [T1]" in written(Draft(claims=(claim,)))
    assert "Documents" not in found
    assert found["Evidence"].startswith("- [T1] rows of a look-up")
