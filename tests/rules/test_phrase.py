"""Words in a text, however they are written."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.rules.phrase import find, fold, phrase

#: Letters that fold to more, to less, and to what others are; marks, and what stands between words.
ODD = st.text(st.sampled_from("aAeEZ0 19ßİıſﬁ½é́̈ﬀÅ…™一か\u00a0-_.\n`+#"), max_size=24)


def found(words: str, text: str) -> str | None:
    """The words as they stand in the text."""
    wanted = phrase(words)
    assert wanted is not None
    span = find(wanted, text)
    return None if span is None else text[slice(*span)]


@pytest.mark.parametrize(
    ("words", "text", "stands"),
    [
        ("lock file", "A *lock file* is kept", "lock file"),
        ("lock file", "package\nlock-files, too", "lock-files"),
        ("Lock_File", "the LOCK FILE", "LOCK FILE"),
        ("PEP 8", "see pep-0008.", "pep-0008"),
        ("0751", "see PEP 751", "751"),
        ("c++", "in C++ and C", "C++"),
        ("c#", "in C# and C", "C#"),
        ("3.12", "since 3.12, not", "3.12"),
        ("café", "a cafe\u0301 here", "cafe\u0301"),
        ("file", "the ﬁle here", "ﬁle"),
        ("strasse", "… eine Straße dort", "Straße"),
        ("会議", "この会議室", "会議"),
        ("interpret", "two interpreters", "interpreters"),
        ("__notes__", "its ``__notes__`` attribute", "__notes__"),
    ],
)
def test_words_are_found_as_they_stand(words: str, text: str, stands: str) -> None:
    assert found(words, text) == stands


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("age", "an agent"),
        ("rust", "trust"),
        ("PEP 75", "PEP 751"),
        ("PEP 751", "PEP 1751"),
        ("lock file", "a lock. File it"),
        ("lock file", "a lock\n\nfile"),
        ("h2", "h20"),
        ("lock file", "file lock"),
        ("__notes__", "some notes"),
        ("__notes__", "the __notes__list"),
    ],
)
def test_other_words_are_not_taken_for_them(words: str, text: str) -> None:
    assert found(words, text) is None


@pytest.mark.parametrize("words", ["", " ", "…!?", "—"])
def test_what_has_no_word_finds_nothing(words: str) -> None:
    assert phrase(words) is None


@given(ODD, ODD)
def test_a_text_is_folded_character_by_character(one: str, other: str) -> None:
    is_apart = not other or not unicodedata.combining(other[0])
    assert not is_apart or fold(one + other) == fold(one) + fold(other)


@given(ODD, ODD, ODD)
def test_what_is_found_stands_there_and_folds_to_what_was_looked_for(before: str, words: str, after: str) -> None:
    wanted = phrase(words)
    text = f"{before} {words} {after}"
    if wanted is not None:
        span = find(wanted, text)
        assert (span is None) == (wanted.search(fold(text)) is None)
        assert span is None or wanted.search(fold(text[slice(*span)]))
