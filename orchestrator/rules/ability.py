"""What a rung is able to do, as far as reading and writing go, and how that is found out. Pure.

`prose`: it takes notes and writes. `select`: it can name the sentences that answer a question, and no more is asked of
it. `extract`: neither, so that rules do both. Found out with a made-up document: notes on two points and on one that it
does not tell, then one question of choice.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from pydantic import BaseModel, Field

from ..settings import Rung
from .own_server import is_own_server

Ability = Literal["prose", "select", "extract"]
#: From the most to the least.
ABILITIES: tuple[Ability, ...] = get_args(Ability)
#: A model of fewer parameters than this, by its name, is asked to select until it has shown more. In 10⁹.
_SMALL = 7.0
_SIZE = re.compile(r"(?<![a-z\d.])(\d+(?:\.\d+)?)b(?![a-z\d])")

SENTENCES = (
    "The ferry of Aldern has crossed the river since 1902.",
    "Its first boat, the Merle, cost 31,000 crowns and burned coal.",
    "On Sundays the crossing was free until 1936.",
    "The present boat, the Corvin, cost 412,000 crowns in 1988.",
    "It carries eighteen cars and runs on diesel.",
    "The town pays a third of what the ferry needs each year.",
    "The east pier was closed in 2007 because its piles had rotted.",
    "The west pier was painted in the same year.",
    "A bridge has been discussed since 1961 and was never built.",
    "In winter the last boat leaves at six.",
)
#: What notes are taken on, and the number of the sentence that tells it; 0 is none.
POINTS = (
    ("What did the present boat cost?", 4),
    ("Why was the east pier closed?", 7),
    ("Who designed the present boat?", 0),
)
#: What is asked of choice alone, and the number of the sentence that answers it.
CHOICE = ("Why was the east pier closed?", 7)
CHOSEN_MOST = 3
#: Notes that a point may have: its sentence says no more.
_NOTES_MOST = 2
_FIGURE = re.compile(r"\d[\d,.]*\d|\d")
#: Words that carry what is said.
_WORD = re.compile(r"\d[\d,.]*\d|[^\W\d_]{4,}")


class Note(BaseModel):
    """What a document says on a point, and by which of its sentences."""

    point: int
    text: str
    sentences: list[int]


class Notes(BaseModel):
    """Notes on several points."""

    notes: list[Note] = Field(max_length=20)


class Choice(BaseModel):
    """Sentences by their numbers."""

    sentences: list[int] = Field(max_length=20)


def are_right(notes: Notes) -> bool:
    """Whether each point has its sentence and no other, and what is said stands there, and not in the point itself."""
    told = {point: [each for each in notes.notes if each.point == point] for point in range(1, len(POINTS) + 1)}
    if sum(map(len, told.values())) != len(notes.notes):
        return False
    for point, (asked, number) in enumerate(POINTS, start=1):
        texts = [note.text.strip() for note in told[point]]
        if {each for note in told[point] for each in note.sentences} != {number} - {0}:
            return False
        if len(texts) > _NOTES_MOST or len(set(texts)) < len(texts):  # who repeats himself does so in reports
            return False
        if number and any(not _is_from(text, SENTENCES[number - 1], asked) for text in texts):
            return False
    return True


def is_right(choice: Choice) -> bool:
    """Whether the sentence that answers is among the few that were chosen, all of which there are."""
    chosen = set(choice.sentences)
    return CHOICE[1] in chosen and len(chosen) <= CHOSEN_MOST and chosen <= set(range(1, len(SENTENCES) + 1))


def ability_of(rung: Rung, card: Ability | None, found: Iterable[Ability | None]) -> Ability:
    """What a rung is taken to be able to do: as it is set, else as its provider says, else as was found.

    `found` is what was found out of each of its deployments: the least counts, and None is nothing. One that was found
    able to do neither selects: rules choose before it, and it may only add. Where nothing is known a small model on a
    server of one's own selects, by the size in its name, and any other writes.
    """
    if rung.ability != "auto":
        return rung.ability
    if card is not None:
        return card
    if known := [each for each in found if each is not None]:
        return "prose" if set(known) == {"prose"} else "select"
    size = _SIZE.search(rung.model_name.lower())
    is_small = size is not None and float(size[1]) < _SMALL
    return "select" if is_small and rung.tier == 1 and is_own_server(rung) else "prose"


def key_of(rung: Rung) -> str:
    """What a deployment is remembered by: its model and its address."""
    return f"{rung.model} {rung.base_url or ''}".strip()


def readable(value: object) -> Mapping[str, Ability]:
    """Of what a file says, what can be meant: known abilities by name, the rest left out."""
    said = value.get("abilities") if isinstance(value, dict) else None
    return {key: each for key, each in said.items() if each in ABILITIES} if isinstance(said, dict) else {}


def _is_from(text: str, sentence: str, asked: str) -> bool:
    """Whether the text says something of the sentence that was not asked, with no figure of its own, at no greater
    length than twice."""
    has_own = set(_FIGURE.findall(text)) - set(_FIGURE.findall(sentence))
    news = set(_WORD.findall(sentence.lower())) - set(_WORD.findall(asked.lower()))
    return bool(news & set(_WORD.findall(text.lower()))) and not has_own and len(text) <= 2 * len(sentence)
