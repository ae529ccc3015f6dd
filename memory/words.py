"""What counts as a word when texts are compared: folded, without stop words, stemmed. Pure, apart from one import."""

import re
import unicodedata
from functools import cache, lru_cache
from typing import Any

#: Lucene's English list: short, so that little of a question is lost.
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be but by for if in into is it no not of on or such that the their then there these they "
        "this to was will with",
    )
)
#: Ideographs and kana stand without spaces, so each is a word of its own; elsewhere a run of word characters is.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")


def words(text: str) -> list[str]:
    """The stems of a text's words, in order, repeated as often as they occur."""
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return [_stem(word) for word in _WORD.findall(folded) if word not in _STOP_WORDS]


@lru_cache(maxsize=1 << 16)
def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word))


@cache
def _stemmer() -> Any:
    from Stemmer import Stemmer

    return Stemmer("english")
