"""Takes a document apart into blocks: headings, header fields, prose, items, tables, code, targets of links. Pure.

Markdown, reStructuredText, plain text and what is extracted from pages go through one reader, which goes by what a
block holds, not by a file's name. In no block is what only marks one up: white space, fences, rules, borders of tables,
and `.. note::` above its prose. Time is linear in the length of the text.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from .headings import Heading, Levels, is_rule, title_at
from .rows import Row, fence_end, header, is_fence, rows

#: `grid`: rows of a table whose cells go over several lines; `columns`: one whose columns are parted by white space;
#: `listed`: one that is written as a list of lists.
Kind = Literal["heading", "header", "prose", "item", "row", "grid", "columns", "listed", "code", "links"]

#: Characters at the beginning of a block that tell what it is.
_TELLING = 2_000
_CODE_SHARE, _INDENTED_SHARE, _DEEP = 0.12, 0.06, 4
#: Plain words that a sentence in a literal block has at least, and its marks of code at most.
_WORDS_LEAST, _SAID_SHARE = 8, 0.02
_PLAIN = re.compile(r"(?<![\w.(])[A-Za-z][a-z']*(?=[ ,.;:!?\n]|$)")
_CODE_MARKS = str.maketrans("", "", '{}[]<>=_\\/|$#@^~&+"`;')

_BULLET = re.compile(r"\s*(?:[-*+•‣◦▪·–]|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{2,5})[.)]|#\.)\s+(?=\S)")
#: What begins an item in the middle of a paragraph: `3.` and a dash may just stand at the beginning of a row there.
_INTERRUPTS = re.compile(r"\s*(?:[-*+•‣◦▪]|\(?[1a][.)]|#\.)\s+(?=\S)")
_DIRECTIVE = re.compile(r"\s*\.\.\s+(?P<name>[A-Za-z][\w:+.-]*?)::(?:\s+(?=\S)|$)")
_FOOTNOTE = re.compile(r"\s*\.\.\s+\[[^\]]{1,40}\](?:\s+(?=\S)|$)")
_TARGET = re.compile(r"\s*(?:\.\.\s+(?:_|\|[^|]+\|)|__\s+\S|\[[^\]^]{1,200}\]:\s+\S)")
_COMMENT = re.compile(r"\s*\.\.(?:\s|$)")
_OPTION = re.compile(r"\s+:[A-Za-z][\w -]*:(?:\s|$)")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CODES = _words(
    "code code-block sourcecode parsed-literal highlight math raw literalinclude doctest testcode productionlist"
    " include graphviz"
)
_TARGETS = frozenset({"image", "contents", "toctree", "target-notes", "sectnum", "default-role", "role"})
_ADMONITIONS = _words(
    "note warning important attention caution tip hint danger error admonition seealso topic sidebar epigraph"
    " pull-quote highlights container rubric compound"
)
_VERSIONS = frozenset({"versionadded", "versionchanged", "versionremoved", "deprecated", "deprecated-removed"})
_GRID = re.compile(r"\s*\+[-=+]{2,}$")
_COLUMNS = re.compile(r"\s*={2,}(?: +={2,})+$")
_PIPED = re.compile(r"\s*\|")
_ALIGNED = re.compile(r"[^.!?:\s]  +\S")
_COMMA = re.compile(r"[,;](?=\S)")
_STAMP = re.compile(
    r"\W{0,2}(?:\d{4}-\d\d-\d\d|\d\d:\d\d(?::\d\d)?\b|[A-Z][a-z]{2} +\d+ \d\d:\d\d|\d{1,3}(?:\.\d+){3} )"
)
_NAMED = re.compile(r"[A-Z][\w-]*(?: [\w-]+)?:(?:\s|$)")
_DOCTEST = re.compile(r"\s*>>> ")
#: What a sentence may hold of code and addresses without being code.
_INLINE = re.compile(r"``[^`]+``|`[^`]+`_{0,2}|<?https?://\S+|\]\([^()\s]*(?:\s[^()]*)?\)|\[[\w#^*-]{1,20}\]_?")
_SAID = re.compile(r"\W*[^\W\d_].*[.!?:][\"'”’)\]*_]*\s*", re.DOTALL)


class Block(NamedTuple):
    """A block of a document: its rows, of which the first may begin with what marks the block up."""

    kind: Kind
    rows: Sequence[Row]
    heading: Heading | None = None


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a text in order."""
    written = rows(text)
    top = header(written)
    if top.last:
        yield Block("header", written[top.first : top.last])
    levels, at = Levels(), top.body
    while at < len(written):
        row = written[at]
        if not row.text or (is_rule(row.text) and not title_at(written, at) and not is_fence(row)):
            at += 1
        elif title := title_at(written, at):
            yield Block("heading", written[at : at + title.size], levels.heading(written, at, title))
            at += title.size
        elif is_fence(row):
            end = fence_end(written, at)
            is_closed = is_fence(written[end - 1]) and end - 1 > at
            yield from _code(written[at + 1 : end - is_closed])
            at = end
        else:
            found, at = _marked_up(written, at) or _paragraph(written, at)
            yield from found


def mark_end(row: str) -> int:
    """Where the words of an item begin in its first row: its mark stays with them. 0 for what is none."""
    found = _BULLET.match(row) or _FOOTNOTE.match(row)
    return found.end() if found else 0


def is_border(row: str) -> bool:
    """Whether a row of a table only parts others."""
    return not row.strip(" \t|:+=-") and ("-" in row or "=" in row)


def _code(part: Sequence[Row]) -> Iterator[Block]:
    """A block for each paragraph of code."""
    begun = None
    for n, row in enumerate(part):
        if row.text and begun is None:
            begun = n
        elif not row.text and begun is not None:
            yield Block("code", part[begun:n])
            begun = None
    if begun is not None:
        yield Block("code", part[begun:])


_Taken = tuple[list[Block], int]


def _marked_up(written: Sequence[Row], at: int) -> _Taken | None:
    """The blocks of what reStructuredText marks with `..`, and of tables; where they end. None for anything else."""
    row = written[at].text
    if _COLUMNS.match(row):
        end = _rows_while(written, at, lambda text: bool(text))
        return [Block("columns", written[at:end])], end
    if _GRID.match(row):
        end = _rows_while(written, at, lambda text: text.lstrip()[:1] in ("|", "+"))
        return [Block("grid", written[at:end])], end
    if _PIPED.match(row) or (at + 1 < len(written) and "|" in row and _is_piped_border(written[at + 1].text)):
        end = _rows_while(written, at, lambda text: "|" in text)
        return [Block("row", written[at:end])], end
    if directive := _DIRECTIVE.match(row):
        return _directive(written, at, directive)
    if _FOOTNOTE.match(row):
        end = _rows_while(written, at + 1, lambda text: text[:1].isspace())
        return [Block("item", written[at:end])], end
    if _TARGET.match(row):
        end = _rows_while(written, at + 1, lambda text: text[:1].isspace() and not _COMMENT.match(text))
        return [Block("links", written[at:end])], end
    if _COMMENT.match(row):
        end = _dedent(written, at + 1, written[at].indent)
        return list(_code(written[at:end])), end
    return None


def _is_piped_border(row: str) -> bool:
    return "|" in row and is_border(row)


def _rows_while(written: Sequence[Row], at: int, goes_on: Callable[[str], bool]) -> int:
    """The row behind those from `at` on of which this holds; a blank one, a title or a fence ends them in any case."""
    end = at
    while end < len(written) and (row := written[end]).text and goes_on(row.text):
        if end > at and (is_fence(row) or title_at(written, end)):
            break
        end += 1
    return end


def _dedent(written: Sequence[Row], at: int, indent: int) -> int:
    """The row behind those from `at` on that are blank or stand further in than `indent`."""
    end = at
    for n in range(at, len(written)):
        if written[n].text and written[n].indent <= indent:
            break
        end = n + 1 if written[n].text else end
    return max(end, at)


def _directive(written: Sequence[Row], at: int, found: re.Match[str]) -> _Taken:
    """Of code and of targets all that stands in it; of a note its first paragraph, without what marks it up.

    Of any other, as of one that only some tool knows, what stands in it is read as anything else.
    """
    name, row = found["name"].lower(), written[at]
    body = _rows_while(written, at + 1, lambda text: _OPTION.match(text) is not None)
    if name in _CODES or name in _TARGETS:
        end = _dedent(written, body, row.indent)
        words = [] if found.end() == len(row.text) else [row]
        inner = list(_code(written[body:end]))
        if name in _CODES:
            return ([*_code(words), *inner] if name in ("math", "raw", "include") else inner), end
        return [Block("links", block.rows) for block in (*_code(words), *inner)], end
    if name == "list-table":
        end = _dedent(written, body, row.indent)
        cells = [row for row in written[body:end] if row.text]
        return ([Block("listed", cells)] if cells else []), end
    if found.end() == len(row.text):
        return [], body
    if name not in _ADMONITIONS and name not in _VERSIONS:
        return [Block("links" if name == "figure" else "code", [row])], body
    start = row.start + found.end() if name in _ADMONITIONS else row.start
    first = Row(start, row.end, row.text[start - row.start :])
    end = _rows_while(written, body, lambda text: text[0].isspace() and not _BULLET.match(text))
    return [Block("prose", [first, *written[body:end]])], end


def _paragraph(written: Sequence[Row], at: int) -> _Taken:
    """The block of a paragraph, an item or rows, with the literal block that `::` at its end announces."""
    end = _paragraph_end(written, at)
    part = written[at:end]
    found = [Block(_kind_of(part), part)] if part[0].text.strip() != "::" else []
    if part[-1].text.endswith("::"):
        after = next((n for n in range(end, min(end + 3, len(written))) if written[n].text), end)
        if after < len(written) and written[after].indent > part[0].indent:
            said = mark_end(part[0].text) or part[0].indent  # an item goes on behind what it announces
            end = _dedent(written, after, min(said, written[after].indent - 1))
            found += _literal(written[after:end])
    return found, end


def _literal(part: Sequence[Row]) -> list[Block]:
    """What `::` announces: code, but for a letter or another text that is quoted so, of which most are sentences."""
    pieces = list(_code(part))
    sizes = [sum(len(row.text) for row in piece.rows) for piece in pieces]
    said = sum(size for size, piece in zip(sizes, pieces, strict=True) if _is_said(piece.rows))
    return pieces if said * 2 < sum(sizes) else [Block(_kind_of(piece.rows), piece.rows) for piece in pieces]


def _is_said(rows: Sequence[Row]) -> bool:
    """Whether a paragraph is sentences: it begins and ends as one, has words enough, and hardly a mark of code."""
    text = _INLINE.sub("", "\n".join(row.text for row in rows)[:_TELLING]).strip()
    marks = len(text.replace('"', "")) - len(text.replace('"', "").translate(_CODE_MARKS))
    begins = text[:1] in '"“«' or text.lstrip("'‘(.… ")[:1].isupper()
    has_words = len(_PLAIN.findall(text)) >= _WORDS_LEAST
    return has_words and begins and _SAID.fullmatch(text) is not None and marks <= _SAID_SHARE * len(text)


def _paragraph_end(written: Sequence[Row], at: int) -> int:
    """The row behind the last of a block: a blank one, another block's first, or the next term of a list of them."""
    first, end = written[at], at + 1
    interrupts = _BULLET if _BULLET.match(first.text) else _INTERRUPTS
    while end < len(written) and (row := written[end]).text:
        is_other = is_fence(row) or is_rule(row.text) or title_at(written, end) or interrupts.match(row.text)
        if is_other or _COMMENT.match(row.text) or _GRID.match(row.text) or _PIPED.match(row.text):
            break
        if row.indent <= first.indent < written[end - 1].indent and end - 1 > at:
            break
        end += 1
    return end


def _kind_of(part: Sequence[Row]) -> Kind:
    """What a block is, by its first characters."""
    texts, size = list[str](), 0
    for row in part:
        texts.append(row.text[:_TELLING])
        size += len(row.text)
        if size > _TELLING:
            break
    if _DOCTEST.match(texts[0]):
        return "code"
    if _BULLET.match(texts[0]):
        return "item"
    if _are_rows(texts):
        return "row"
    whole = _INLINE.sub("", "\n".join(texts)[:_TELLING]) or " "
    marks = 1 - len(whole.translate(_CODE_MARKS)) / len(whole)
    is_deep = all(text.startswith((" " * _DEEP, "\t")) for text in texts)
    most = _INDENTED_SHARE if is_deep else _CODE_SHARE
    return "code" if marks > most * (1 + (_SAID.fullmatch(whole) is not None)) else "prose"


def _are_rows(texts: Sequence[str]) -> bool:
    """Whether each line of a block stands for itself: cells, `Name: value`, a log, or a line block."""
    if all(text.count("\t") > 1 for text in texts):
        return True
    if len(texts) < 2:
        return False
    most = 0.7 * len(texts)
    if any(sum(bool(test.match(t)) for t in texts) >= most for test in (_NAMED, _STAMP)):
        return True
    if sum(bool(_ALIGNED.search(t.strip()[:200])) for t in texts) >= most:
        return True
    commas = {len(_COMMA.findall(text)) for text in texts}
    return len(texts) > 2 and len(commas) == 1 and commas.pop() >= (1 if len(texts) > 4 else 2)
