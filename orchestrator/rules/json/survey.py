"""A look over text that is nearly JSON: where the value ends, and what nobody may repair by guessing."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .decode import DEPTH_MOST, DIGITS_MOST, Refused, duplicate, not_a_number, too_deep

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    | (?P<comment>(?<!:)//[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<string>"(?:[^"\\]|\\.)*"|(?:'(?:[^'\\]|\\.)*'|“(?:[^“”\\]|\\.)*”|‘(?:[^‘’\\]|\\.)*’)(?=\s*(?:[,:\]}]|\Z)))
    | (?P<open>[\[{]) | (?P<close>[\]}]) | (?P<colon>:) | (?P<comma>,) | (?P<unclosed>")
    | (?P<word>(?:(?!/\*)[^\s,:\[\]{}"])+)""",
    re.DOTALL | re.VERBOSE,
)
_CLOSER = {"{": "}", "[": "]"}
_NUMBERLESS = re.compile(r"[+-]?(?:nan|inf(?:inity)?)", re.IGNORECASE)
_LITERALS = frozenset({"true", "false", "null", "none"})
_TAIL = re.compile(r"[\s\]}]*\Z")
#: What is longer and not JSON is left: no answer of such length can be checked by whoever reads the repair.
SURVEYED_MOST = 1_000_000
_CUT = "cut off in the middle of a value"


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of the text: `kind` is string, word, open, close, colon, comma or unclosed."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Survey:
    """A value in brackets: where it ends, and its tokens, without space and comments."""

    end: int
    tokens: tuple[Token, ...]


@dataclass(slots=True)
class _Open:
    closer: str
    keys: set[str] = field(default_factory=set)


def tokens(text: str, start: int) -> Iterator[Token]:
    """The pieces from `start` on; every character belongs to one, space and comments are passed over."""
    for found in _TOKEN.finditer(text, start):
        if found.lastgroup not in ("space", "comment", None):
            yield Token(str(found.lastgroup), found[0], found.start(), found.end())


def survey(text: str, start: int) -> Survey:
    """The value whose bracket opens at `start`. Raises Refused where a repair would have to guess.

    A quote that is never closed is a slip where exactly the missing brackets follow it, and else a text cut off.
    """
    if len(text) - start > SURVEYED_MOST:
        raise Refused(f"not JSON, and longer than {SURVEYED_MOST} characters, so that it is not repaired")
    within: list[_Open] = []
    seen: list[Token] = []
    for token in tokens(text, start):
        seen.append(token)
        match token.kind:
            case "open":
                within.append(_Open(_CLOSER[token.text]))
                if len(within) > DEPTH_MOST:
                    raise too_deep()
            case "close":
                _close(within, token.text)
                if not within:
                    return Survey(token.end, tuple(seen))
            case "colon" if within and within[-1].closer == "}":
                _key(within[-1], seen)
            case "unclosed":
                _must_end_here(text, token, within)
                return Survey(len(text), (*seen, *tokens(text, token.end)))
            case "word":
                _must_be_kept(token.text)
    if _is_cut(within, seen):
        raise Refused(_CUT)
    return Survey(len(text), tuple(seen))


def _close(within: list[_Open], closer: str) -> None:
    """Closes the innermost bracket of this kind, and those left open in it; one too many is passed over."""
    if any(opened.closer == closer for opened in within):
        while within.pop().closer != closer:
            pass


def _key(opened: _Open, seen: list[Token]) -> None:
    if len(seen) < 3 or seen[-2].kind not in ("string", "word") or seen[-3].kind == "colon":
        return
    key = _plain(seen[-2])
    if not key and seen[-3].end == seen[-2].start and seen[-3].kind == "word":
        return  # the second half of a doubled quote
    if key in opened.keys:
        raise duplicate(key)
    opened.keys.add(key)


def _plain(token: Token) -> str:
    """What a string or a word says, without quotes and escapes."""
    if token.kind != "string":
        return token.text
    try:
        return str(json.loads(f'"{token.text[1:-1]}"', strict=False))
    except ValueError:
        return token.text[1:-1]


def _must_end_here(text: str, quote: Token, within: list[_Open]) -> None:
    tail = _TAIL.search(text, quote.end)
    closers = "".join(tail[0].split()) if tail else ""
    if not closers or closers != "".join(opened.closer for opened in reversed(within)):
        raise Refused(_CUT)


def _must_be_kept(word: str) -> None:
    if _NUMBERLESS.fullmatch(word):
        raise not_a_number(word)
    if len(word) > DIGITS_MOST and word.lstrip("-").isdecimal():
        raise Refused(f"a number of more than {DIGITS_MOST} digits")


def _is_cut(within: list[_Open], seen: list[Token]) -> bool:
    """Whether the text ends elsewhere than behind a finished value: a number there may have had more digits."""
    last = seen[-1]
    if last.kind == "string":
        return within[-1].closer == "}" and seen[-2].kind != "colon"
    return not (last.kind == "close" or (last.kind == "word" and last.text.casefold() in _LITERALS))
