"""`bullpen memory search`: passages as a worker finds them, with the words that were asked for marked."""

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
from rich.text import Text

from ..errors import BadInput
from ..evidence import Passage
from ..metadata import Condition
from ..ports import Memory
from .excerpt import excerpt, marks, stems, words
from .printing import console, print_json
from .remembered import Remembered, check_not_empty, opened

#: The exit status of a search that finds nothing.
NOTHING = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for, and where."""

    words: str
    corpora: tuple[str, ...] = ()
    job: str | None = None
    limit: int = 8
    where: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    diversity: float = 0.0

    def conditions(self) -> list[Condition]:
        """`--where`, as memory is asked. Raises BadInput."""
        found = []
        for condition in self.where:
            name, is_given, value = condition.partition("=")
            if not (name and is_given):
                raise BadInput(f"--where {condition!r} is not FIELD=VALUE, such as status=Final")
            found.append(Condition(field=name, op="is", values=(value,)))
        return found

    def scopes(self, remembered: Remembered) -> list[str]:
        """The corpora, and the job whose findings are searched as well."""
        check_not_empty(remembered)
        jobs = [remembered.scope(self.job)] if self.job else []
        return [*remembered.corpora(self.corpora), *jobs]


def show_search(asked: Asked, settings: Mapping[str, Any], *, as_json: bool) -> int:
    """Print what a search finds. The exit status: 4 where that is nothing."""
    return anyio.run(_search, asked, settings, as_json)


async def _search(asked: Asked, settings: Mapping[str, Any], as_json: bool) -> int:
    where = asked.conditions()
    async with opened(settings) as remembered:
        scopes = asked.scopes(remembered)
        for source in asked.sources:
            await remembered.source(source)
        found = await remembered.memory.search(
            asked.words,
            corpora=scopes,
            limit=asked.limit,
            sources=asked.sources,
            where=where,
            diversity=asked.diversity,
        )
        telling = await telling_stems(remembered.memory, asked.words)
    if as_json:
        print_json({"query": asked.words, "scopes": scopes, "passages": [as_row(each, telling) for each in found]})
    else:
        say(line for n, each in enumerate(found, start=1) for line in _lines(n, each, telling))
        if not found:
            sys.stdout.write(f"nothing is found: {_nothing(asked)}\n")
    return 0 if found else NOTHING


def _nothing(asked: Asked) -> str:
    """Why a search that finds nothing may do so."""
    narrowed = "with these conditions " if asked.where or asked.sources else ""
    return f"no passage {narrowed}shares a word with {asked.words!r}"


async def telling_stems(memory: Memory, query: str) -> frozenset[str]:
    """The stems of a query's words but for those that tell nothing, as `the`."""
    rarity = await memory.rarity(words(query))
    return stems(word for word, rare in rarity.items() if rare)


def as_row(passage: Passage, telling: frozenset[str]) -> dict[str, Any]:
    """A passage as `--json` shows it: `marked` are offsets into its source."""
    marked = [(passage.start + start, passage.start + end) for start, end in marks(passage.text, telling)]
    shown = ("source", "title", "heading", "start", "end", "text")
    return {name: getattr(passage, name) for name in shown} | {"marked": marked}


def _lines(number: int, passage: Passage, telling: frozenset[str]) -> list[Text]:
    return [Text.assemble(f"{number:3}. ", place_of(passage)), shown(passage, telling)]


def place_of(passage: Passage) -> Text:
    """Where a passage stands: its source, offsets, title and heading."""
    headed = " › ".join(filter(None, (passage.title, passage.heading)))
    place = f"{one_line(passage.source)} {passage.start}..{passage.end}"
    return Text.assemble((place, "bold"), f"  {one_line(headed)}" if headed else "")


def shown(passage: Passage, telling: frozenset[str]) -> Text:
    """An excerpt with the words of these stems marked, for terminals in colour as well as in signs."""
    line = Text("     ")
    for text, is_marked in excerpt(passage.text, marks(passage.text, telling)):
        line.append(f"**{text}**" if is_marked else one_line(text), "yellow" if is_marked else "")
    return line


def one_line(text: str) -> str:
    """The text on one line; a space on either side stays."""
    return re.sub(r"\s+", " ", text)


def say(lines: Iterable[Text]) -> None:
    """Print lines: in a terminal folded at its width, anywhere else as long as they are."""
    screen = console()
    for line in lines:
        screen.print(line, soft_wrap=not screen.is_terminal)
