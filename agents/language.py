"""What counts as a telling word, and what forms of one have in common. English. Pure, apart from one import."""

import functools
import re
from typing import Any

WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
#: A word that another one is written together with: "what's", "they're", "703's", "isn't".
_JOINED = re.compile(r"(?<=\w)(?:n['’]t|['’](?:s|re|ve|ll|d|m))$", re.IGNORECASE)
STOP = frozenset(
    WORD.findall(
        "a about after against all along also among an and any are as at away be because been before being "
        "between both but by can could did do does doing during each either for from had has have he her his "
        "how i if in inside into is it its many may might more most much must neither no nor not of off on "
        "one ones only onto or other our out outside over per rather shall she should since so some such than "
        "that the their them then there these they this those through to toward towards under until up upon "
        "us very via was we were what when where whether which while who whom whose why will with within "
        "without would yet you your me my please "
        # what a question is asked with, not what it is about
        "arrive arrived became become becomes came come comes get gets getting give gives given go goes going "
        "got happen happened happens keep let make makes made mean means meant put say says said see seen "
        "take takes taken tell tells use used uses using explain describe describes relevant respectively "
        "first next way ways kind kinds instead according "
        # what is left of "can't", "won't" and "shan't", and how people write such words without the mark
        "ca wo sha isnt arent wasnt werent dont doesnt didnt hasnt havent hadnt cant couldnt wont wouldnt shouldnt "
        "whats whos hows wheres whens whys thats theres im ive"
    )
)


def bare(word: str) -> str:
    """The word without another one that is written together with it: `what` of `what's`, `703` of `703's`."""
    return _JOINED.sub("", word)


def terms(text: str) -> list[str]:
    """The stems of the words that say something, in order."""
    words = [bare(word).lower() for word in WORD.findall(text)]
    return _stems(tuple(word for word in words if word not in STOP and (len(word) > 1 or word.isdigit())))


def stem(word: str) -> str:
    """What a word has in common with its other forms."""
    return _stems((word.lower(),))[0]


@functools.lru_cache(maxsize=4096)
def _stems(words: tuple[str, ...]) -> list[str]:
    return list(_stemmer().stemWords(list(words)))


@functools.cache
def _stemmer() -> Any:
    import Stemmer

    return Stemmer.Stemmer("english")
