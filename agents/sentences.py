"""The sentences of a text and the items of its lists, exactly as they stand. Pure."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_ABBREVIATIONS = ("e.g", "i.e", "etc", "vs", "cf", "mr", "mrs", "ms", "dr", "prof", "st", "no", "fig", "approx", "inc")
_END = re.compile(r"[.!?]['\"”’)\]]*(?=\s+[\"'“‘(\[]?[A-Z0-9])|[.!?]['\"”’)\]]*\s*$")
_BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*+•]|\d+[.)])\s)|\n(?=#)")
_FIELD = re.compile(r"\s*[A-Za-z][\w-]*\s*[:=]\s")
_LETTERS_LEAST, LETTERS_MOST, _ITEM_LEAST = 25, 500, 8
_ITEM = re.compile(r"\s*(?:[-*+•]|\d+[.)])\s+")
_ADMONITION = re.compile(
    r"^\s*\.\. (?:note|warning|important|attention|caution|tip|admonition)::[^\n]*\n\s*|^\s*>(?!>)\s*(?=\S)"
)
_HEADING = re.compile(
    r"\s*+(?:#{1,6}[ \t]+(?P<hash>[^\n]*)"
    r"|(?:([=\-~*^\"'`])\2{2,}\n)?(?P<over>[^\n]++)\n([=\-~*^\"'`])\4{2,}\s*$)"
)
_HEADING_LINES = 3
#: How a sentence begins that is understood only with what stands before it.
POINTS_BACK = re.compile(
    r"(?:it|its|this|that|these|those|they|their|such|he|she|however|but|also|instead|so|thus|then)\b", re.IGNORECASE
)


class Sentence(NamedTuple):
    """A sentence as it stands: `text == source[start:end]`; `after` is where the one before it in its block starts;
    `is_item` says whether it is an item of a list."""

    start: int
    end: int
    text: str
    heading: str = ""
    after: int | None = None
    is_item: bool = False


def sentences(text: str) -> list[Sentence]:
    """The sentences of running text and the items of lists; headings, tables, code and header fields are left out."""
    found: list[Sentence] = []
    heading = ""
    for start, block in _blocks(text):
        if (mark := _HEADING.match(block)) and len(block.splitlines()) <= _HEADING_LINES:
            heading = mark["hash"] or mark["over"] or ""
            continue
        body = _ADMONITION.sub("", block)
        item = _ITEM.match(body)
        body = (body[item.end() :] if item else body).lstrip()
        if body and not body.startswith(("|", "```", "===", "---", "..")) and (item or not _is_code(body)):
            found += _within(start + len(block) - len(body), body.rstrip(), heading, is_item=item is not None)
    return found


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Paragraphs and list items, each with where it starts."""
    at = 0
    for gap in _BLOCK.finditer(text):
        yield at, text[at : gap.start()]
        at = gap.end()
    yield at, text[at:]


def _is_code(block: str) -> bool:
    """Code, tables and header fields: more marks than words, or lines of `Name: value`."""
    lines = [line for line in block.splitlines() if line.strip()]
    fields = sum(bool(_FIELD.match(line)) for line in lines)
    telling = sum(c.isalpha() or c.isspace() for c in block)
    return telling < 0.75 * len(block) or (len(lines) > 1 and fields * 2 > len(lines)) or ">>>" in block


def _within(start: int, block: str, heading: str, *, is_item: bool) -> Iterator[Sentence]:
    """The sentences of one block, in order."""
    before: int | None = None
    at = 0
    for end in [*(m for m in _END.finditer(block) if not _abbreviates(block, m.start())), None]:
        stop = end.end() if end else len(block)
        piece = block[at:stop]
        text = piece.strip()
        begins = start + at + len(piece) - len(piece.lstrip())
        at = stop
        if _is_prose(text) or (is_item and _is_said(text)):
            yield Sentence(begins, begins + len(text), text, heading, before, is_item)
            before = begins
        else:
            before = None


def _abbreviates(block: str, at: int) -> bool:
    """Whether the full stop there ends an abbreviation."""
    before = block[:at].rsplit(None, 1)
    return bool(before) and before[-1].lower().strip("(") in _ABBREVIATIONS


def _is_prose(sentence: str) -> bool:
    is_whole = _LETTERS_LEAST <= len(sentence) <= LETTERS_MOST and sentence[-1] in ".!?\"'”’):"
    return is_whole and " " in sentence


def _is_said(item: str) -> bool:
    """Whether an item of a list says something, though it is no sentence."""
    return _ITEM_LEAST <= len(item) <= LETTERS_MOST
