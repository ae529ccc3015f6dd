"""Text from outside, made safe to keep and to show. Pure; offsets never move, each character maps to one.

What is shown as U+FFFD, or in JSON as an escape, since it steers what shows it or hides in it:

| characters                | what they are                                | source              |
| ------------------------- | -------------------------------------------- | ------------------- |
| C0 but `\\t` and `\\n`      | controls, ESC among them; CR writes over     | ECMA-48             |
| DEL, C1                   | controls; U+009B begins a sequence by itself | ECMA-48             |
| U+2028, U+2029            | line breaks that few see coming              | UAX 14              |
| U+202A–202E, U+2066–2069  | bidirectional overrides and isolates         | UAX 9, Trojan Source |
| U+206A–206F               | shaping controls, long deprecated            | Unicode 23.3        |
| U+E0000–E007F             | tags: letters that nobody sees               | Unicode 23.9        |

Letters of every script stay, with the marks that ordinary text in them needs: U+200E, U+200F and U+061C next to Hebrew
and Arabic, the joiners in Persian, in Hindi and in emoji.
"""

import json
import re
import unicodedata

_UNKEEPABLE = re.compile("[\ud800-\udfff\x00]")
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u206f\U000e0000-\U000e007f]")


def clean(text: str) -> str:
    """The same text, with lone surrogates and NULs (which no store can keep) as U+FFFD, one for one."""
    if text.isascii() and "\0" not in text:  # most texts: many times cheaper than to look at each character
        return text
    return _UNKEEPABLE.sub("\ufffd", text)


def printable(text: str) -> str:
    """The same text, safe for a terminal: what the table above names as U+FFFD."""
    return _UNSHOWABLE.sub("\ufffd", clean(text))


def escaped(json_text: str) -> str:
    """JSON that means the same and is safe for a terminal: what `printable` replaces stands in it as an escape."""
    return _UNSHOWABLE.sub(_escape, _UNKEEPABLE.sub(_escape, json_text))


def _escape(character: re.Match[str]) -> str:
    return json.dumps(character[0])[1:-1].replace("\x7f", "\\u007f")


def has_words(text: str) -> bool:
    """Whether there is at least one letter or digit in it."""
    return any(unicodedata.category(character)[0] in "LN" for character in text)


def shorten(text: str, limit: int = 200) -> str:
    """One printable line of at most `limit` characters, ending in … where something was left out."""
    line = " ".join(printable(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
