"""Text from outside, made safe to keep and to show. Pure; offsets never move, each character maps to one."""

import re
import unicodedata

_UNKEEPABLE = re.compile("[\ud800-\udfff\x00]")
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """The same text, with lone surrogates and NULs (which no store can keep) as U+FFFD, one for one."""
    if text.isascii() and "\0" not in text:  # most texts: many times cheaper than to look at each character
        return text
    return _UNKEEPABLE.sub("\ufffd", text)


def printable(text: str) -> str:
    """The same text, safe for a terminal: control, escape and bidirectional characters as U+FFFD."""
    return _UNSHOWABLE.sub("\ufffd", clean(text))


def escaped(json_text: str) -> str:
    """JSON that means the same and is safe for a terminal: what `printable` replaces stands in it as an escape."""
    return _UNSHOWABLE.sub(_escape, _UNKEEPABLE.sub(_escape, json_text))


def _escape(character: re.Match[str]) -> str:
    return f"\\u{ord(character[0]):04x}"


def has_words(text: str) -> bool:
    """Whether there is at least one letter or digit in it."""
    return any(unicodedata.category(character)[0] in "LN" for character in text)


def shorten(text: str, limit: int = 200) -> str:
    """One printable line of at most `limit` characters, ending in … where something was left out."""
    line = " ".join(printable(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
