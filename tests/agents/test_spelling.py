"""Typing errors: what is corrected, and what is left as it was written."""

from hypothesis import given
from hypothesis import strategies as st

from bullpen.agents.spelling import LETTERS_LEAST, WORDS_MOST, corrections, likely, misspelt, one_edit_away, respelt

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


def test_the_commonest_word_one_letter_away_that_the_documents_write_is_meant_and_a_rare_one_never() -> None:
    odd = {"delagate": 1.0, "mooved": 1.0, "pilat": 1.0, "expenses": 1.0}
    ways = likely(list(odd), {"delegate": 0.4, "delagates": 0.3, "moved": 0.5, "pilot": 0.95, "extenses": 0.2})

    assert ways == {"delagate": ["delagates", "delegate"], "mooved": ["moved"], "expenses": ["extenses"]}
    assert corrections({**odd, "bus": 0.1}, ways, ["A Delegate", "moved extensively.", "They weren't."]) == {
        "delagate": "delegate",
        "mooved": "moved",
    }


def test_a_question_most_of_whose_words_stand_nowhere_even_then_is_left_as_it_is() -> None:
    asked = {"warum": 1.0, "wurde": 1.0, "direkt": 1.0, "bus": 0.1}

    assert corrections(asked, {"direkt": ["direct"]}, ["direct"]) == {"direkt": "direct"}
    assert corrections({**asked, "eingebaut": 1.0}, {"direkt": ["direct"]}, ["direct"]) == {}


def test_a_correction_changes_whole_words_alone() -> None:
    assert respelt("Who was the delagate, Delagates?", {"delagate": "delegate"}) == "Who was the delegate, Delagates?"
