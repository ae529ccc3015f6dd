"""What of a passage is shown: the part with most of what was asked for."""

from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.cli.excerpt import excerpt, marks, stems, words

TEXT = "Nurses rode the bus. " + "Nothing else is said here. " * 20 + "The bus was ridden by nurses at night, 猫が好き."


def marked(text: str, asked: str) -> list[str]:
    return [text[start:end] for start, end in marks(text, stems(words(asked)))]


def test_words_are_marked_in_all_their_forms() -> None:
    assert marked(TEXT, "NURSE nothings bus") == ["Nurses", "bus", *["Nothing"] * 20, "bus", "nurses"]
    assert marked("Straße, ﬁnally ﬁne", "strasse FINE") == ["Straße", "ﬁne"]
    assert marked(TEXT, "猫") == ["猫"]
    assert marked(TEXT, "") == []


def test_the_part_with_most_of_them_is_shown_from_the_beginning_of_a_word() -> None:
    pieces = excerpt(TEXT, marks(TEXT, stems(["bus", "nurse", "night"])), width=80)
    shown = "".join(piece.text for piece in pieces)

    assert [piece.text for piece in pieces if piece.is_marked] == ["bus", "nurses", "night"]
    assert shown.startswith("… ")
    assert TEXT[TEXT.index(shown[2:20]) - 1] == " "


def test_a_passage_without_any_of_them_is_shown_from_its_beginning() -> None:
    assert excerpt(TEXT, [], width=20) == [("Nurses rode the bus.", False), (" …", False)]
    assert excerpt("", []) == []


@given(
    st.text(st.sampled_from("ab é🐋\n猫."), max_size=120),
    st.text(st.sampled_from("ab é猫"), max_size=6),
    st.integers(1, 60),
)
def test_an_excerpt_is_a_part_of_its_text(text: str, asked: str, width: int) -> None:
    spans = marks(text, stems(words(asked)))
    pieces = excerpt(text, spans, width)
    shown = "".join(piece.text for piece in pieces if piece.text not in ("… ", " …"))

    assert shown in text
    assert len(shown) <= width
    assert {piece.text for piece in pieces if piece.is_marked} <= {text[start:end] for start, end in spans}
    assert all(piece.text for piece in pieces)
