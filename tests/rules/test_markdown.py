"""Text from outside in Markdown: shown as its characters, nothing made of it, as a renderer of CommonMark reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bullpen.agents.report.composition import compose_research
from bullpen.orchestrator.envelope import Status
from bullpen.orchestrator.evidence import (
    Block,
    Checked,
    Claim,
    Consulted,
    Disagreement,
    Evidence,
    Gap,
    Layout,
    MadeBy,
    Passage,
    Quote,
    Record,
    Report,
    Section,
    Source,
)
from bullpen.orchestrator.rules.markdown import as_data, folded
from bullpen.orchestrator.text import printable

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

MARKS = (
    *"ab12 *_`[]()<>!#&;:/.|~$\\-+=\"'\n\t@^{}é\u00a0\u202e\x1b",
    *("![p](http://evil.invalid/?leak=1)", "[x](javascript:alert(1))", "[x]: /url", "[x]", "[^1]: note", "[ ] box"),
    *("<img src=x onerror=alert(1)>", "<script>", "<!-- ", " -->", "<http://evil.invalid>", "<a@b.invalid>", "</p>"),
    *("&amp;", "&#35;", "&#x5b;", "http://evil.invalid", "www.evil.invalid", "mailto:a@b.invalid", "data:text/html,x"),
    *("# ", " #", "1. ", "2) ", "- ", "+ ", "> ", "***", "___", "---", "===", "```", "~~~", "~~x~~", "**x**", "_x_"),
    *("| - |", "|---|---|", "$x$", "$$", "  \n", "\\\n", "\\|", "\r\n\r\n## Sources\r\n", "\u2028# x"),
)
HOSTILE = st.lists(st.sampled_from(MARKS), min_size=1, max_size=12).map("".join) | st.text(max_size=30)


@given(HOSTILE)
def test_any_text_is_one_paragraph_of_exactly_its_characters(text: str) -> None:
    tokens = READER.parse(as_data(text))

    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"] * bool(folded(text))
    shown = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in shown} <= {"text"}
    assert "".join(child.content for child in shown) == folded(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "The pilot cost 48,000 crowns (see p. 3).",
            "5 * 3 = 15",
            "snake_case, a__b",
            "docs/a_b-c.md:7",
            "a < b, x <3",
        ),
        *("£5. 1. and 2) of them", "AT&T, R & D", "C# and F#", "-5 degrees", "10:30", "Why?!", "$5 and $6", "a ~ b"),
        *("C:\\dir", "“Quoted” — and so on…", "שלום \u200fעולם", "2 > 1", "x = y + z", "a ** b", "{a: 1}"),
    ],
)
def test_ordinary_prose_stays_as_it_is(text: str) -> None:
    assert as_data(text) == text


@pytest.mark.parametrize(
    "scheme", ["javascript:alert(1)", "JavaScript:%61", "VBScript:x", "data:text/html,x", "data:,x"]
)
def test_no_scheme_that_browsers_run_is_left_whole(scheme: str) -> None:
    assert folded(f"a {scheme} b") == f"a {scheme.replace(':', chr(0xFFFD))} b"
    assert folded("the data: five rows") == "the data: five rows"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see http://evil.invalid", "see http\\://evil.invalid"),
        ("WWW.evil.invalid", "WWW\\.evil.invalid"),
        ("mailto:a@b.invalid", "mailto\\:a@b.invalid"),
        ("in US$5 and US$6", "in US\\$5 and US\\$6"),
        ("as said [3]", "as said \\[3]"),
        ("a | b", "a \\| b"),
    ],
)
def test_what_githubs_readers_act_on_is_taken_from_them(text: str, expected: str) -> None:
    assert as_data(text) == expected


def report(text: str) -> str:
    """A report with the same text from outside in every place that it has."""
    quote = Quote(source="a", start=0, end=4, text="Text")
    said = Claim(text=text, quotes=(quote,))
    rows = tuple(
        Claim(text=text, records=(Record(source=name, field=f"a {text}", value=text),), rule="lookup")
        for name in ("a", "b")
    )
    sources = (
        Source(id="a", title=text, uri=text, text_hash="0"),
        Source(id="b", title=text, uri=f"{text}#1", text_hash="0", metadata={"id": text}),
    )
    passage = Passage(source="a", title=text, start=0, end=4, text="Text", heading=text, line=7)
    table = Block(kind="table", columns=(text,), rows=((("1",), ("2",)),), heads=(text,))
    value = Report(
        job="j",
        status=Status.PARTIAL,
        text="",
        claims=tuple(claim.model_copy(update={"id": str(n)}) for n, claim in enumerate((said, said, said, *rows))),
        layout=Layout(
            lead=("0",),
            sections=(Section(heading=text, blocks=(table, Block(kind="table", claims=("3", "4")))),),
        ),
        disagreements=(Disagreement(about=text, sides=(said, said), why=said),),
        not_answered=(text,),
        documents=(Consulted(source="b", depth="sections", cut=text, why_not=text), Consulted(source=f"{text}/x")),
        checked=Checked(model=text, reason=text),
        gaps=(Gap(task="corpus", reason=f"{text}/", detail=text),),
        degraded=(text,),
        made_by=MadeBy(lane=text, models=(text,)),
    )
    evidence = Evidence(sources=sources, passages=(passage,))
    return compose_research(text, value, evidence, notice=text)


def shape(tokens: list[Token]) -> list[object]:
    """What a renderer makes of Markdown, without its words."""
    kinds: list[object] = []
    for token in tokens:
        if token.type == "inline":
            kinds.append(shape(token.children or []))
        elif token.type != "text" or kinds[-1:] != ["text"]:
            kinds.append("text" if token.type == "text" else (token.type, token.tag, token.attrs))
    return kinds


@given(HOSTILE.filter(folded))
def test_no_text_changes_what_a_report_is_made_of(text: str) -> None:
    assert shape(READER.parse(report(text))) == shape(READER.parse(report("Plain words")))
    assert report(text) == printable(report(text))
