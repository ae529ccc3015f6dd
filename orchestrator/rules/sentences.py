"""Where the sentences of a paragraph end, in any script. Pure; time is linear in the length of the text.

No sentence ends within an abbreviation, behind an initial or behind the number of an item; in doubt two stay together,
which costs a few words where a false end would tear a statement apart.
"""

import re
from collections.abc import Iterator

_QUOTES = "\"'”’»)\\]*_`"
#: Marks that end a sentence without white space behind them.
_SPACELESS = "。！？｡।॥"
_END = re.compile(
    rf"[.!?؟۔…][{_QUOTES}]*(?:\s?\[[#\w*-]{{1,20}}\]_|\[\^\w{{1,20}}\])*\s+"
    rf"|[{_SPACELESS}][」』”’）】》\"]*\s*"
)
#: What may stand before the first letter of a sentence; not a backtick: names of code begin sentences as they are.
_OPENING = re.compile(r"[\"'“‘«(\[*_¿¡]*")
#: Hiragana behind a closing quote goes on with the sentence: 「…。」と言った。
_GOES_ON = re.compile("[\u3041-\u309f]")
_WORD_BEFORE = re.compile(r"([^\s(\[\"'“‘«*_`]+)$")
_INITIALS = re.compile(r"(?:[^\W\d_]\.-?)*[^\W\d_]")
#: Longest of the words that are looked at before a full stop.
_WORD_MOST = 16


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEVER = _words(
    "e.g i.e vs cf mr mrs ms mx dr prof st ca approx resp viz gen col lt sgt capt rev hon messrs mt ft dept univ"
    " z.b d.h u.a bzw vgl nr bd hr fr"
)
#: Of these, none ends a sentence before a figure: `No. 5`.
_BEFORE_FIGURES = _words(
    "no nos fig figs sec sect vol pp p eq eqs ch chap art par jan feb mar apr jun jul aug sep sept oct nov dec v ver"
    " nr s"
)
#: And these end one only where the next word begins one.
_MAYBE = _words("etc al inc ltd co corp jr sr ed eds a.m p.m ph.d m.sc b.sc usw op cit bros")
_OPENERS = _words(
    "the a an it its this that these those in on at by for from with to as if when while he she they we you i his her"
    " their our there here but and or so however although though since after before during until what which who why how"
    " where no not all some many most both each every one two another such then thus also der die das ein eine er sie"
    " es wir le la les un une il elle el los las"
)
_NEXT_WORD = re.compile(r"[^\W\d_]+")


def sentence_ends(body: str) -> Iterator[int]:
    """Where each sentence of a paragraph ends, with the white space behind it, but for the last."""
    for found in _END.finditer(body):
        if found.end() < len(body) and _ends(body, found):
            yield found.end()


def _ends(body: str, found: re.Match[str]) -> bool:
    if found[0][0] in _SPACELESS:
        return len(found[0]) == 1 or not _GOES_ON.match(body, found.end())
    opening = _OPENING.match(body, found.end())
    assert opening is not None
    at = opening.end()
    if body[at : at + 1].islower():
        return False
    return found[0][0] != "." or not _abbreviates(body, found.start(), at)


def _abbreviates(body: str, stop: int, following: int) -> bool:
    """Whether the full stop at `stop` belongs to the word before it, not to its sentence."""
    before = _WORD_BEFORE.search(body[max(0, stop - _WORD_MOST) : stop])
    if before is None:
        return False
    word, is_figure = before[1].casefold(), body[following : following + 1].isdigit()
    if word in _NEVER or (is_figure and word in _BEFORE_FIGURES):
        return True
    if word in _MAYBE or _INITIALS.fullmatch(word):
        opener = _NEXT_WORD.match(body, following)
        return opener is None or opener[0].casefold() not in _OPENERS
    return False
