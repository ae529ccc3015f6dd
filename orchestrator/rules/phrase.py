"""Words in a text, however they are written: in capitals, with marks between them, composed or not. Pure.

A text is folded character by character, so that what is found in the folded one is known in the text itself.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

#: Ideographs and kana stand without spaces: a word begins and ends anywhere among them.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"[^\W_]+|[+#]+")
#: A name of a program that begins or ends with underscores.
_NAME = re.compile(r"_\w+|\w+_")
_PIECE = re.compile(r"[\x00-\x7f]+(?=[\x00-\x7f])|.[^\x00-\x7f]*", re.DOTALL)
#: What may stand between two words: marks and one line break, but neither the end of a sentence nor a blank line.
_BETWEEN = r"(?:[^\w.!?;\n]|_|[.!?;](?!\s|$)|\n(?!\s*\n)){1,40}"
#: From so many letters on, the last word may go on: `crate` is in `crates`, but `age` is not in `agent`.
_STEM_LEAST = 4


def fold(text: str) -> str:
    """The text in small letters, composed and without typographic variants, as it is compared."""
    if text.isascii():
        return text.lower()
    if unicodedata.is_normalized("NFKC", text):
        return text.casefold()
    return "".join(folded for _, _, folded in _pieces(text))


def phrase(words: str) -> re.Pattern[str] | None:
    """What finds these words, in this order, in a folded text; None where there is no word among them.

    Leading zeros do not count (`pep-0008` is `PEP 8`), and a last word of four letters or more may go on. A name
    with underscores around it stands as it is (`__notes__`).
    """
    folded = fold(words).strip()
    found = _WORD.findall(folded)
    if not found:
        return None
    if _NAME.fullmatch(folded):
        return re.compile(rf"(?<!\w){folded}(?!\w)")
    parts = [f"0*{word.lstrip('0') or '0'}" if word.isdecimal() else re.escape(word) for word in found]
    gaps = [_BETWEEN if one[0] not in "+#" and other[0] not in "+#" else r"[\W_]*" for one, other in pairwise(found)]
    first, last = found[0], found[-1]
    if first[0] not in "+#" and not _UNSPACED.match(first):
        # behind the word where it can be: a pattern that begins with a word is looked for forty times as fast
        parts[0] = rf"(?<![^\W_]){parts[0]}" if first.isdecimal() else rf"{parts[0]}(?<![^\W_]{parts[0]})"
    if last[0] not in "+#" and not _UNSPACED.match(last[-1]):
        parts[-1] += r"[^\W_]*" if last.isalpha() and len(last) >= _STEM_LEAST else r"(?![^\W_])"
    return re.compile("".join(part for pair in zip(parts, [*gaps, ""], strict=True) for part in pair))


def find(wanted: re.Pattern[str], text: str) -> tuple[int, int] | None:
    """Where the words first stand in a text, from and to, in its own code points; None where they do not."""
    folded = fold(text)
    hit = wanted.search(folded)
    if hit is None or text.isascii():
        return hit.span() if hit else None
    at, start, end = 0, 0, 0
    for piece_start, piece_end, piece in _pieces(text):
        is_run = len(piece) == piece_end - piece_start  # then its characters keep their places
        if at <= hit.start() < at + len(piece):
            start = piece_start + (hit.start() - at if is_run else 0)
        if at < hit.end() <= at + len(piece):
            end = piece_start + (hit.end() - at) if is_run else piece_end
            break
        at += len(piece)
    return start, end


def _pieces(text: str) -> Iterator[tuple[int, int, str]]:
    """The text in runs of ASCII and single characters with their marks: from, to, and what it folds to."""
    for run in _PIECE.finditer(text):
        if run[0].isascii():
            yield *run.span(), run[0].lower()
            continue
        starts = [at for at in range(*run.span()) if at == run.start() or not unicodedata.combining(text[at])]
        for start, end in pairwise([*starts, run.end()]):
            yield start, end, unicodedata.normalize("NFKC", text[start:end]).casefold()
