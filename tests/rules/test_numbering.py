"""Every sentence of a document has a number, and what a number names is cut from the text."""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullpen.orchestrator.evidence import Source
from bullpen.orchestrator.rules.blocks import blocks
from bullpen.orchestrator.rules.excerpts import excerpt, shown
from bullpen.orchestrator.rules.numbering import LINE_MOST, ROW_MOST, Numbered, number, tokens_of


def numbered(text: str, title: str = "Whales", **metadata: Any) -> Numbered:
    return number(Source(id="w", title=title, uri="w.md", text_hash="", metadata=metadata), text)


def told(text: str, *kinds: str) -> list[str]:
    """The lines of a text as they are shown, of these kinds or of all."""
    return [line.text for line in numbered(text).lines.values() if not kinds or line.kind in kinds]


def kinds(text: str) -> list[tuple[str, str]]:
    return [(line.kind, line.text) for line in numbered(text).lines.values()]


def quotes(text: str, *numbers: int) -> list[str]:
    return [quote.text for quote in numbered(text).quotes(numbers)]


# What every document keeps

MARKS = st.sampled_from(
    [
        *(
            "# Title\n",
            "Title\n=====\n",
            "=====\nTitle\n=====\n",
            "\n-----\n",
            "```\n",
            "~~~\n",
            "    ```\n",
            "---\n",
            "+++\n",
        ),
        *(
            ".. note::\n",
            ".. code::\n\n   ",
            ".. _x: https://x.y/z\n",
            ".. [1] Ahab\n",
            "::\n\n   ",
            "..\n",
            "`x <y>`_ ",
        ),
        *(
            "| a | b |\n",
            "|---|---|\n",
            "+---+---+\n",
            "=== ===\n",
            "a  b\n",
            "- ",
            "1. ",
            "   ",
            "\t",
            "\n\n",
            "\r\n",
            "\f",
        ),
        *(
            "Call me Ishmael. ",
            "It is a whale. ",
            "Dr. A. B. Smith ",
            "e.g. ",
            "鯨は海にいる。",
            "「はい。」",
            "Name: value\n",
        ),
        *(
            "[a](b)",
            "[^1]",
            ":pep:`8`",
            "https://" + "x" * 60,
            "\u2028",
            "\x85",
            "👩‍👩‍👧",
            "e\u0301",
            "x" * (LINE_MOST + 7),
            "> ",
        ),
    ]
)
TEXTS = st.lists(MARKS | st.text(max_size=20), max_size=20).map("".join)
#: What may stand in no line: rules, borders, fences with what they name, sections of TOML, and what `..` begins.
MARKUP = re.compile(r"[\W_]*|\s*(`{3,}|~{3,}).*|\[[^\]=]+\]|\s*\.\.\s+\S+::.*|\s+:[A-Za-z][\w -]*:.*")


@given(text=TEXTS)
@settings(deadline=None)
def test_numbers_have_no_gaps_and_lines_stand_in_order(text: str) -> None:
    lines = list(numbered(text, title="Of whales", status="Final", empty="").lines.values())

    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert [line.text for line in lines if line.kind == "field"] == ["status: Final"][: len(lines)]
    said = [line for line in lines if line.kind != "field"]
    assert all(one.end <= other.start for one, other in pairwise(said))
    assert all(line.text for line in lines if line.kind != "row")
    assert all(text[line.start : line.end].strip() == text[line.start : line.end] != "" for line in said)
    assert all(line.end - line.start <= (ROW_MOST if line.kind == "row" else LINE_MOST) for line in said)


@given(text=TEXTS)
@settings(deadline=None)
def test_what_stands_in_no_line_marks_up(text: str) -> None:
    titles = [(b.heading.start, b.heading.end) for b in blocks(text) if b.heading]
    spans = sorted([*titles, *((line.start, line.end) for line in numbered(text).lines.values())])
    left = [text[end:start] for (_, end), (start, _) in pairwise([(0, 0), *spans, (len(text), len(text))])]

    assert all(MARKUP.fullmatch(row.rstrip()) for gap in left for row in gap.splitlines())


@given(text=TEXTS)
@settings(deadline=None)
def test_a_line_is_shown_in_words_of_the_text(text: str) -> None:
    """In their order, without the letters of anything else."""
    for line in numbered(text).lines.values():
        source = iter(text[line.start : line.end].casefold())
        assert all(letter in source for letter in line.text.casefold() if letter.isalnum())


@given(text=TEXTS, some=st.sets(st.integers(-1, 40)))
@settings(deadline=None)
def test_a_quote_is_cut_from_the_text_and_holds_its_lines(text: str, some: set[int]) -> None:
    document = numbered(text)
    found = document.quotes(some)

    assert all(quote.text == text[quote.start : quote.end] != "" for quote in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    for line in (document.lines[n] for n in some if n in document.lines):
        assert any(quote.start <= line.start and line.end <= quote.end for quote in found)


@given(text=TEXTS, some=st.sets(st.integers(1, 40)))
@settings(deadline=None)
def test_no_quote_goes_over_a_heading_a_border_or_code(text: str, some: set[int]) -> None:
    lines = numbered(text).lines
    for quote in numbered(text).quotes(some):
        within = [line for line in lines.values() if quote.start <= line.start and line.end <= quote.end]
        assert len({(line.part, line.block) for line in within}) == 1
        gaps = [text[one.end : other.start] for one, other in pairwise(within)]
        assert not any(map(str.strip, gaps))


@given(text=TEXTS)
@settings(deadline=None)
def test_the_same_document_has_the_same_numbers(text: str) -> None:
    assert numbered(text, status="Final").lines == numbered(text, status="Final").lines


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "x",
            " ",
            ".",
            "'",
            "=",
            "-",
            "#",
            "`",
            "|",
            "\t",
            ":",
            "[",
            "- ",
            "# ",
            "a. ",
            "..",
            "::\n",
            "```\n",
            "~~~\nx\n",
        ),
        *(
            "== ==\nx\n\n",
            "+--+\n",
            "Title\n===\n",
            "a_ ",
            "[x](",
            "[a][",
            "`a ",
            "<http://",
            "Dr. ",
            "。",
            "\n",
            "> ",
            "x:\n",
        ),
        *(
            ".. code::\n",
            ".. note::\n\n",
            "- a\n  b\n",
            "It is. ",
            "a.a.",
            " [1]_",
            "\f",
            "---\n",
            ".. [1] ",
            "http://a",
        ),
    ],
)
def test_a_text_of_one_thing_many_times_is_numbered(piece: str) -> None:
    """Where time grew with the square of the length or more, this would be seen."""
    text = piece * (30_000 // len(piece))

    assert sum(line.end - line.start for line in numbered(text).lines.values()) <= len(text)


# Sentences


@pytest.mark.parametrize(
    "sentence",
    [
        *("Dr. A. B. Smith of St. Ives saw it, e.g. at noon.", "It weighed 3.14 tons, i.e. 3,140 kg, vs. 3 before."),
        *("The U.S. Navy paid for it.", "See Fig. 3, No. 5 and pp. 7 of vol. 2.", "J.-P. Dupont et al. (2019) saw it."),
        *(
            "He asked “Why?” and left.",
            "Version 3.13.1 is out.",
            "It ended in Feb. 2021.",
            "Yahoo! bought it... later.",
        ),
        *("Смит А. Б. видел кита, т. е. самку.", "Er kam z. B. am Abend.", "「はい。」と言った。"),
    ],
)
def test_what_ends_no_sentence(sentence: str) -> None:
    assert told(sentence) == [sentence]


@pytest.mark.parametrize(
    "sentences",
    [
        ["The answer is 42.", "It was found."],
        ["Pi is 3.14.", "It goes on."],
        ["It is in the U.S.", "The navy paid."],
        ["He asked “Why?”", "She left."],
        ["(It was late.)", "They left."],
        ["It ended!", "«Where?»", "Nobody knows."],
        ["The answer is no.", "We agreed."],
        ["He and I.", "The others."],
        ["Use it.", "`foo` is old."],
        ["Кит живёт в море.", "Он большой."],
    ],
)
def test_where_sentences_end(sentences: list[str]) -> None:
    assert told(" ".join(sentences)) == sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("鯨は海にいる。大きい！本当？", ["鯨は海にいる。", "大きい！", "本当？"]),
        ("他说：“好。”然后走了。", ["他说：“好。”", "然后走了。"]),
        ("व्हेल बड़ी है। वह समुद्र में है।", ["व्हेल बड़ी है।", "वह समुद्र में है।"]),
    ],
)
def test_sentences_of_scripts_without_spaces(text: str, sentences: list[str]) -> None:
    assert told(text) == sentences


def test_a_sentence_runs_over_rows_and_pages() -> None:
    assert told("The whale was seen\nfrom the\fmast. It was white.") == [
        "The whale was seen from the mast.",
        "It was white.",
    ]


def test_a_short_row_without_a_mark_ends_a_line() -> None:
    page = "Night bus\nThe pilot of the night bus started in March, and the\ncouncil extended it in June."

    assert told(page) == [
        "Night bus",
        "The pilot of the night bus started in March, and the council extended it in June.",
    ]


@pytest.mark.parametrize("letter", ["ก", "x", "あ"])
def test_a_line_of_one_word_is_cut(letter: str) -> None:
    assert [len(line) for line in told(letter * 2_500)] == [1_000, 1_000, 500]


# What is shown


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("See :pep:`518` and :pep:`its end <518#end>`.", "See PEP 518 and its end."),
        ("See :rfc:`822#section-3` and :func:`~os.path`.", "See RFC 822 and os.path."),
        ("See `the list <https://x.y>`_ and `Poetry`_ or npm_.", "See the list and Poetry or npm."),
        ('See [the list](https://x.y "list") and [it][1].', "See the list and it."),
        ("It was said [1]_ so [#two]_, and so[^3].", "It was said so, and so."),
        ("Call ``__init__`` and `x`, not __main__.", "Call `__init__` and `x`, not __main__."),
        ("It is at https://x.y/z, and <https://x.y>.", "It is at https://x.y/z, and https://x.y."),
        (f"It is at https://x.y/{'z' * 60}.", "It is at x.y/…."),
        ("> It was\n> a whale.", "It was a whale."),
        ("A well-\nknown whale.", "A well-known whale."),
        ("For example::", "For example:"),
        ("[1]_", "[1]_"),
    ],
)
def test_what_is_shown_has_no_targets(written: str, said: str) -> None:
    assert told(written) == [said]
    assert quotes(written, 1) == [written]


# Blocks


def test_headings_make_paths() -> None:
    text = (
        "=====\nShips\n=====\n\nMany.\n\nSails\n-----\n\nWhite.\n\nMasts\n-----\n\nHigh.\n\n====\n Seas\n====\n\nSeven."
    )
    parts = numbered(text).parts

    assert [part.heading for part in parts] == ["", "Ships", "Ships › Sails", "Ships › Masts", "Seas"]
    assert [[line.text for line in part.lines] for part in parts] == [[], ["Many."], ["White."], ["High."], ["Seven."]]


def test_a_level_that_is_left_out_does_not_nest_neighbours() -> None:
    assert [part.heading for part in numbered("### A\n\n### B\n\n## C\n\nD\n===").parts] == ["", "A", "B", "C", "D"]


def test_the_documents_own_title_stands_in_no_path_below_it() -> None:
    parts = numbered("# Whales\n\nBig.\n\n## Food\n\nSquid.", title="whales").parts

    assert [part.heading for part in parts] == ["", "Whales", "Food"]


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: A whale\nkind: big\n  and white\n---\nText.",
        "+++\ntitle = 'A whale'\n[more]\nkind = 'big'\n+++\nText.",
        "```toml\n[a]\ntitle = 'A whale'\nkind = 'big'\n```\n\nText.",
        "Title: A whale\nKind: big\n  and white\n\nText.",
    ],
    ids=["yaml", "toml", "fence", "fields"],
)
def test_a_header_is_numbered_field_by_field(text: str) -> None:
    assert [kind for kind, _ in kinds(text)] == ["header", "header", "sentence"]
    assert told(text)[2] == "Text."


def test_a_field_that_the_header_says_is_not_shown_twice() -> None:
    metadata: dict[str, Any] = {
        "status": "Final",
        "authors": "Ada Byron <ada@x.y>",
        "created": "2021",
        "rank": 1,
        "none": None,
    }
    lines = numbered("Status: Final\nAuthor: Ada Byron <ada@x.y>\nRank: 2\nVersion: 1\n\nText.", **metadata).lines

    assert [line.text for line in lines.values() if line.kind == "field"] == ["created: 2021", "rank: 1"]
    assert [record.field for record in numbered("x", **metadata).records([1, 2, 9])] == ["status", "authors"]


def test_items_have_their_marks_and_their_second_paragraphs_are_prose() -> None:
    text = (
        "Two:\n\n1. The first. It is long\n   and goes on.\n2. The second.\n\n   It is\n   short.\n   - Nested.\n* Last"
    )

    assert kinds(text) == [
        ("sentence", "Two:"),
        *(("item", "1. The first."), ("item", "It is long and goes on.")),
        *(("item", "2. The second."), ("sentence", "It is short."), ("item", "- Nested."), ("item", "* Last")),
    ]


def test_a_figure_at_the_beginning_of_a_row_begins_no_item() -> None:
    assert told("It was released in version\n3. Nobody used\nit.") == [
        "It was released in version 3.",
        "Nobody used it.",
    ]


def test_terms_stand_with_their_definitions() -> None:
    assert told("whale\n  A mammal. It is big.\nshark\n  A fish.") == ["whale A mammal.", "It is big.", "shark A fish."]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("| ship | whales |\n|---|:-:|\n| Pequod | 3 |", ["| ship | whales |", "| Pequod | 3 |"]),
        ("ship | whales\n--- | ---\nPequod | 3", ["ship | whales", "Pequod | 3"]),
        ("+------+---+\n| a    | b |\n| ship |   |\n+======+===+\n| c    | d |\n+------+---+", ["a ship | b", "c | d"]),
        ("====  ===\na     b\n====  ===\nc     d\n      e\nf     g\n====  ===", ["a | b", "c | d e", "f | g"]),
        (
            ".. list-table:: Ships\n   :header-rows: 1\n\n   * - a\n     - b\n\n   * - c\n       d\n     -\n",
            ["a | b", "c d | "],
        ),
        ("a\tb\tc\nd\te\tf", ["a b c", "d e f"]),
        ("a,b,c\n1,2,3\n4,5,6", ["a,b,c", "1,2,3", "4,5,6"]),
        (
            "2021-10-17 12:00 It began\n2021-10-17 12:01 It ended",
            ["2021-10-17 12:00 It began", "2021-10-17 12:01 It ended"],
        ),
    ],
    ids=["pipes", "bare pipes", "grid", "columns", "list", "tabs", "commas", "log"],
)
def test_a_row_of_a_table_is_a_line(text: str, rows: list[str]) -> None:
    assert told(text, "row") == rows == told(text)


def test_a_table_without_borders_is_cut_like_anything_else() -> None:
    lines = numbered("+---+\n" + "| a |\n" * 2_000).lines.values()

    assert len(lines) > 2
    assert all(line.end - line.start <= ROW_MOST for line in lines)


def test_a_quote_goes_over_no_border() -> None:
    table = "+---+---+\n| a | b |\n+---+---+\n| c | d |\n+---+---+"

    assert quotes(table, 1, 2) == ["| a | b |", "| c | d |"]


def test_prose_with_as_many_commas_in_each_row_is_prose() -> None:
    assert len(told("One, two, and\nthree, four, and\nfive, six, and seven.")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "```python\nx = {1: 2}\n```",
        "Thus::\n\n   all that is here\n\n   and here",
        ".. code-block:: python\n   :linenos:\n\n   x",
        "    x = {}\n    y[x] = 1",
        ">>> print(1)\n1",
        '{"a": [1, 2],\n "b": {}}',
        ".. a comment\n   of two rows",
        "..\n   vim: x",
    ],
)
def test_code_is_code(text: str) -> None:
    assert told(text, "code")
    assert told(text, "sentence") in ([], ["Thus:"])


@pytest.mark.parametrize(
    "text",
    [
        "    A whale of four spaces.",
        "``.read(n: int) -> bytes``",
        "See `x <https://x.y/z?a=b&c=d>`_ and `y <https://x.y>`_.",
    ],
)
def test_prose_is_no_code_for_its_indentation_or_what_it_names(text: str) -> None:
    assert told(text, "sentence")


def test_code_is_shown_as_it_stands() -> None:
    assert told("::\n\n    x = 1") == ["x = 1"]
    assert told("Thus::\n\n    if x:\n        y()\n    z()\n") == ["Thus:", "if x:\n    y()\nz()"]


def test_what_a_note_says_is_prose_and_what_marks_it_up_is_not_quoted() -> None:
    text = ".. note::\n   This was rejected. It\n   was late.\n\n.. warning:: Beware of\n   whales."

    assert kinds(text) == [
        ("sentence", "This was rejected."),
        ("sentence", "It was late."),
        ("sentence", "Beware of whales."),
    ]
    assert quotes(text, 1) == ["This was rejected."]


def test_a_directive_of_some_tool_is_no_sentence_and_what_stands_in_it_is() -> None:
    text = ".. spec:: a:b\n\n   A whale.\n\n.. versionadded:: 3.8 Whales."

    assert kinds(text) == [
        ("code", ".. spec:: a:b"),
        ("sentence", "A whale."),
        ("sentence", ".. versionadded:: 3.8 Whales."),
    ]


@pytest.mark.parametrize(
    "text",
    [
        ".. _Poetry: https://x.y/z",
        ".. __: https://x.y",
        "__ https://x.y",
        "[1]: https://x.y 'Whales'",
        ".. |x| image:: x.png",
        ".. image:: x.png\n   :alt: A whale",
    ],
)
def test_targets_of_links_are_not_shown(text: str) -> None:
    assert {kind for kind, _ in kinds(text)} == {"links"}
    assert shown(numbered(text)) == ""


def test_a_footnote_is_an_item() -> None:
    assert kinds(".. [1] Seen by Ahab\n   in 1851.\n.. [#x]\n   Seen.") == [
        ("item", ".. [1] Seen by Ahab in 1851."),
        ("item", ".. [#x] Seen."),
    ]


# Quotes


def test_a_sentence_that_points_back_takes_the_one_before_along() -> None:
    text = "The vote was taken. It passed. They left. Nobody stayed.\n\nThis is new."

    assert quotes(text, 2) == ["The vote was taken. It passed."]
    assert quotes(text, 3, 4) == ["It passed. They left. Nobody stayed."]
    assert quotes(text, 5) == ["This is new."]


def test_neighbours_are_one_quote_and_numbers_that_there_are_not_are_left_out() -> None:
    assert quotes("One ship. Two ships. Three ships.", 3, 2, 2, 99, -1) == ["Two ships. Three ships."]


# Excerpts

LONG = "# Whales\n\nBig. White. Old.\n\n" + "\n\n".join(
    f"## Chapter {n}\n\n" + f"Whale {n} was seen from the mast. " * 12 + "\n\n```\nx = {}\n```" for n in range(12)
)


def test_a_whole_document_is_shown_with_its_fields_under_its_headings() -> None:
    document = numbered("# Whales\n\nBig.\n\n## Food\n\nSquid.\n\n    x = {}\n\n.. _a: https://x.y", status="Final")

    assert shown(document) == "[1] (field) status: Final\n[2] Big.\n\n## Food\n[3] Squid.\n[4] (code)\n    x = {}"
    assert excerpt(document).cut == ""


def test_code_goes_first_where_a_document_is_cut() -> None:
    document = numbered(LONG)
    found = excerpt(document, tokens_most=document.tokens - 20)

    assert found.cut == "12 pieces of code"
    assert found.text.endswith("[cut: 12 pieces of code]")


def test_of_a_long_document_the_head_stays_and_what_was_asked_for() -> None:
    document = numbered(LONG)
    found = excerpt(document, document.named(["chapter 7"]), tokens_most=600)

    assert found.text.startswith("[1] Big.")
    assert "## Chapter 7" in found.text
    assert found.cut == "132 sentences of 11 sections and 12 pieces of code"
    assert f"[cut: {found.cut}]\n- Chapter 0 (12)\n- Chapter 1 (12)" in found.text


def test_without_a_bound_all_of_what_was_asked_for_is_shown() -> None:
    document = numbered(LONG)
    found = excerpt(document, range(len(document.parts)))

    assert found.cut == "12 pieces of code"
    assert "## Chapter 11" in found.text


def test_nothing_in_code_looks_like_a_number() -> None:
    assert shown(numbered("```\n[7] x\n[8] y\n```")) == "[1] (code)\n    [7] x\n    [8] y"


def test_sections_are_found_by_their_words_and_by_what_stands_in_them() -> None:
    document = numbered("# Ships\n\n## Sails\n\nWhite.\n\n## Old masts\n\nHigh.")

    assert document.named(["old masts!", "Keels", "ships › sails"]) == (3, 2)
    assert document.named(["Ships"]) == (1, 2, 3)
    assert document.within(20, 25) == (2,)


def test_where_a_document_is_all_code_code_is_shown() -> None:
    document = numbered("\n\n".join('{"a": [1, 2, {"b": 3}]}' for _ in range(40)))
    found = excerpt(document, tokens_most=200)

    assert "[1] (code)" in found.text
    assert found.cut.endswith("pieces of code")


def lines_in(text: str) -> Iterable[int]:
    return (int(found) for found in re.findall(r"^\[(\d+)\]", text, re.MULTILINE))


@given(text=TEXTS, room=st.integers(0, 400), some=st.none() | st.lists(st.integers(0, 12), max_size=4))
@settings(deadline=None)
def test_an_excerpt_has_the_lines_that_it_names_in_order_and_says_what_was_cut(
    text: str, room: int, some: list[int] | None
) -> None:
    document = numbered(text)
    found = excerpt(document, some, tokens_most=room)
    told_of = {line.number for line in document.lines.values() if line.kind != "links"}

    assert found.numbers <= told_of
    assert bool(found.cut) is (found.numbers != told_of)
    assert sum(tokens_of(document.lines[n]) for n in found.numbers) <= room
    assert set(lines_in(found.text)) == found.numbers


QUOTED = """He wrote on the list::

    Nobody needs a second ferry while the first one sails
    half empty (see the counts of last year).

    I would rather mend the quay.

It was meant so::

    ferry = Ferry(quay="mended")
    # It is mended first, and only then does it sail again.
    ferry.sail(to="Mora", at=[6, 9])

* An item may announce what it goes on behind::

      quay.mend(at=[1, 2], by={"winter": True})

  This is done once a year, and in the winter alone, by the crew of the ferry.
"""


def test_a_letter_in_a_literal_block_is_sentences_and_code_in_one_is_code() -> None:
    kinds = {line.text[:14]: line.kind for part in numbered(QUOTED).parts for line in part.lines}

    assert kinds["Nobody needs a"] == kinds["I would rather"] == "sentence"
    assert kinds["ferry = Ferry("] == kinds["quay.mend(at=["] == "code"
    assert kinds["This is done o"] == "sentence"


LINKED = """# Ferries

The ferry sails at dawn. It is told in https://example.org/ferry how it came to be, and who paid for it in the end.

## References

[1] The ferry, https://example.org/ferry

[2] The mill, https://example.org/mill

## See

[x]: https://example.org/x

[y]: https://example.org/y
"""


def test_a_part_that_is_a_list_of_addresses_is_known_by_what_it_holds() -> None:
    found = numbered(LINKED)
    named = {part.heading: found.lists_links(n) for n, part in enumerate(found.parts)}

    assert [named[name] for name in named if name.endswith(("References", "See"))] == [True, True]
    assert not any(found.lists_links(n) for n, part in enumerate(found.parts) if "sails" in str(part.lines))
