"""Typing errors: what is corrected, and what is left as it was written."""

from hypothesis import given
from hypothesis import strategies as st

from bullpen.agents.spelling import LETTERS_LEAST, WORDS_MOST, corrections, misspelt, one_edit_away, respelt

LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=9)


@given(LETTERS, st.data())
def test_every_single_error_is_reached_back(word: str, data: st.DataObject) -> None:
    at, letter = data.draw(st.integers(0, len(word) - 2)), data.draw(st.sampled_from("abcxyz"))
    typed = [
        word[:at] + word[at + 1 :],
        word[:at] + letter + word[at:],
        word[:at] + letter + word[at + 1 :],
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    ]

    assert all(word in one_edit_away(error) for error in typed if error != word)


def test_only_words_of_plain_letters_that_stand_nowhere_may_be_errors() -> None:
    rarity = {"delagate": 1.0, "bus": 1.0, "serde_jsom": 1.0, "v3310": 1.0, "größer": 1.0, "tungsten": 0.99}

    assert misspelt(rarity) == ["delagate"]
    assert misspelt(dict.fromkeys((f"delagat{letter}" for letter in "abcdefgh"), 1.0)) == [
        f"delagat{letter}" for letter in "abcdefgh"[:WORDS_MOST]
    ]
    assert len("bus") < LETTERS_LEAST


def test_the_commonest_word_one_letter_away_is_meant_and_a_rare_one_never() -> None:
    rarity = {"delegate": 0.4, "relegate": 0.3, "mooned": 0.7, "moved": 0.5, "pilot": 0.95}

    asked = {"delagate": 1.0, "mooved": 1.0, "pilat": 1.0}
    assert corrections(asked, list(asked), rarity) == {"delagate": "delegate", "mooved": "moved"}


def test_a_question_most_of_whose_words_stand_nowhere_even_then_is_left_as_it_is() -> None:
    asked = {"warum": 1.0, "wurde": 1.0, "direkt": 1.0, "bus": 0.1}

    assert corrections(asked, ["direkt"], {"direct": 0.4}) == {"direkt": "direct"}
    assert corrections({**asked, "eingebaut": 1.0}, ["direkt"], {"direct": 0.4}) == {}


def test_a_correction_changes_whole_words_alone() -> None:
    assert respelt("Who was the delagate, Delagates?", {"delagate": "delegate"}) == "Who was the delegate, Delagates?"
