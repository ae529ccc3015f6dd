"""Shows a numbered document to a model: all of it, or what matters of it, with what was cut said. Pure.

Each line goes as `[12] its words`, under the path of its section; fields and code are marked as such, and targets of
links are left out. Of a document that is too long code goes first; then its head stays and the sections that were asked
for, and the others are named with how many sentences they have, so that a reader can ask for them.
"""

import math
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from .numbering import Line, Numbered
from .tokens import estimate

#: The shares of the room that a document's head, and the names of what was cut, have at most.
_HEAD_MOST, _NAMES_MOST = 1 / 3, 1 / 5
#: Lines of a section that says more than a remark.
_ABSTRACT_LEAST = 3
#: Of a document's tokens, the share of code from which on code is what it says.
_CODE_LEAST = 0.9


class Excerpt(NamedTuple):
    """What is shown of a document: as text, by the numbers of its lines, and what was cut, in words."""

    text: str
    numbers: frozenset[int]
    #: As `212 sentences of 9 sections`; empty where nothing was.
    cut: str = ""


def shown(numbered: Numbered, parts: Sequence[int] | None = None, tokens_most: int | None = None) -> str:
    """The text of an excerpt."""
    return excerpt(numbered, parts, tokens_most).text


def as_input(value: Any) -> Any:
    """A numbered document among the inputs of a prompt as its text, under its id and title; anything else as it is."""
    if isinstance(value, Numbered):
        source = value.source
        return f"{source.id}: {source.title}\n\n{shown(value)}"
    if isinstance(value, list | tuple) and any(isinstance(item, Numbered) for item in value):
        return [as_input(item) for item in value]
    return value


def excerpt(
    numbered: Numbered, parts: Sequence[int] | None = None, tokens_most: int | None = None, *, offset: int = 0
) -> Excerpt:
    """As much of a document as about `tokens_most` tokens hold; None is no bound.

    With `parts` (numbers of parts, the most wanted first) its head and these alone; else all, in the order of reading.
    Numbers are shown with `offset` added, for several documents in one text; `Excerpt.numbers` are the document's own.
    """
    told = [line for part in numbered.parts for line in part.lines if line.kind != "links"]
    if parts is None and (tokens_most is None or _size(numbered, told) <= tokens_most):
        return Excerpt(_text(numbered, told, offset), frozenset(line.number for line in told))
    prose = [line for line in told if line.kind != "code"]
    if _size(numbered, prose) < (1 - _CODE_LEAST) * _size(numbered, told):
        prose = told
    if parts is not None or _size(numbered, prose) > (tokens_most or 0):
        prose = _chosen(numbered, prose, parts, tokens_most)
    numbers = frozenset(line.number for line in prose)
    left = [line for line in told if line.number not in numbers]
    end = _named(numbered, left, tokens_most)
    return Excerpt(_text(numbered, prose, offset, end), numbers, _counted(left))


def _size(numbered: Numbered, lines: Iterable[Line]) -> int:
    return sum(numbered.sizes[line.number] for line in lines)


def _chosen(
    numbered: Numbered, prose: Sequence[Line], parts: Sequence[int] | None, tokens_most: int | None
) -> list[Line]:
    """The lines of the head and of these parts that there is room for, in the order of reading; references are of
    none of them unless they are asked for."""
    whole = {n: list(lines) for n, lines in groupby(prose, key=lambda line: line.part)}
    by_part = {n: lines for n, lines in whole.items() if n in (parts or ()) or not numbered.lists_links(n)}
    head = _head(by_part)
    room = math.inf if tokens_most is None else tokens_most
    chosen = set(_fitting(numbered, head, room * _HEAD_MOST if parts or parts is None else room))
    room -= _size(numbered, chosen) + min(
        room * _NAMES_MOST, sum(estimate(part.heading) + 3 for part in numbered.parts)
    )
    wanted = by_part if parts is None else parts
    more = (line for n in wanted for line in by_part.get(n, ()) if line not in chosen)
    return sorted({*chosen, *_fitting(numbered, more, room)})


def _head(by_part: dict[int, list[Line]]) -> list[Line]:
    """What stands before the first heading, and all sections up to one that says more than a remark: an abstract."""
    head: list[Line] = []
    for n, lines in by_part.items():
        head += lines
        if n and len(lines) >= _ABSTRACT_LEAST:
            break
    return head


def _fitting(numbered: Numbered, lines: Iterable[Line], room: float) -> Iterator[Line]:
    """The first of them, as many as there is room for."""
    for line in lines:
        room -= numbered.sizes[line.number]
        if room < 0:
            return
        yield line


# Words


def _text(numbered: Numbered, lines: Iterable[Line], offset: int, end: str = "") -> str:
    """The lines under the paths of their sections."""
    said: list[str] = []
    for n, group in groupby(lines, key=lambda line: line.part):
        heading = numbered.heading(n)
        said += ["", f"## {heading}"] if heading else []
        said += (_line(line, line.number + offset) for line in group)
    return "\n".join([*said, *(["", end] if end else [])]).strip()


def _line(line: Line, number: int) -> str:
    match line.kind:
        case "field":
            return f"[{number}] (field) {line.text}"
        case "code":
            # Further in, so that nothing in it looks like a number of ours.
            return f"[{number}] (code)\n{textwrap.indent(line.text, '    ')}"
        case _:
            return f"[{number}] {line.text}"


def _counted(left: Collection[Line]) -> str:
    """What was cut: sentences and their sections, then code."""
    sentences = [line for line in left if line.kind != "code"]
    sections, code = len({line.part for line in sentences}), len(left) - len(sentences)
    told = [f"{_many(len(sentences), 'sentence')} of {_many(sections, 'section')}"] if sentences else []
    return " and ".join([*told, *([_many(code, "piece") + " of code"] if code else [])])


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _named(numbered: Numbered, left: Sequence[Line], tokens_most: int | None) -> str:
    """What was cut, and under it the sections with sentences that were, as far as there is room."""
    if not left:
        return ""
    counts = [(numbered.heading(n), sum(line.kind != "code" for line in lines)) for n, lines in groupby(left, _part_of)]
    names = [f"- {heading or 'before the first heading'} ({count})" for heading, count in counts if count]
    room = math.inf if tokens_most is None else tokens_most * _NAMES_MOST
    kept = 0
    while kept < len(names) and (room := room - estimate(names[kept])) >= 0:
        kept += 1
    more = [f"- and {_many(len(names) - kept, 'other')}"] if kept < len(names) else []
    return "\n".join([f"[cut: {_counted(left)}]", *names[:kept], *more])


def _part_of(line: Line) -> int:
    return line.part
