"""A relaxed grammar around JSON's: what can only have been meant one way, read exactly and in linear time.

Over RFC 8259 it allows comments, one comma at the end, a line's end for a comma, keys without quotes, single and
curly quotes, control characters in strings, Python's names, and brackets missing at the very end.
"""

import json
import re
from typing import Any

from .decode import decode
from .survey import Token

_NAMES = {"True": True, "False": False, "None": None}
_KEY = re.compile(r"[^\W\d][\w-]*")
_QUOTE = re.compile(r"\\.|\"", re.DOTALL)


def relaxed(text: str, tokens: tuple[Token, ...]) -> Any:
    """The value of a surveyed text. Raises ValueError where the text is beyond this grammar too."""
    reader = _Reader(text, tokens)
    value = reader.value()
    if reader.at < len(tokens):
        raise ValueError("more text behind the value")
    return value


class _Reader:
    def __init__(self, text: str, tokens: tuple[Token, ...]) -> None:
        self._text, self._tokens, self.at = text, tokens, 0

    def value(self) -> Any:
        token = self._next()
        match token.kind:
            case "open":
                return self._object() if token.text == "{" else self._array()
            case "string":
                return _string(token.text)
            case "word":
                return _NAMES[token.text] if token.text in _NAMES else decode(token.text)
        raise ValueError(f"{token.text!r} where a value should be")

    def _object(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self._is_closed("}"):
            key = self._next()
            if key.kind == "word" and not _KEY.fullmatch(key.text):
                raise ValueError(f"{key.text!r} where a key should be")
            name = _string(key.text) if key.kind == "string" else key.text
            if self._next().kind != "colon" or name in found:
                raise ValueError("no colon behind a key, or a key twice")
            found[name] = self.value()
            self._separated()
        return found

    def _array(self) -> list[Any]:
        found: list[Any] = []
        while not self._is_closed("]"):
            found.append(self.value())
            self._separated()
        return found

    def _next(self) -> Token:
        if self.at == len(self._tokens):
            raise ValueError("the text ends where a value should be")
        self.at += 1
        return self._tokens[self.at - 1]

    def _is_closed(self, closer: str) -> bool:
        """Passes over the closing bracket, where it is here or missing at the text's end."""
        if self.at == len(self._tokens):
            return True
        closed = self._tokens[self.at].text == closer and self._tokens[self.at].kind == "close"
        self.at += closed
        return closed

    def _separated(self) -> None:
        """Passes over a comma; a line's end, a closing bracket or the text's end will do."""
        if self.at == len(self._tokens):
            return
        token, before = self._tokens[self.at], self._tokens[self.at - 1]
        if token.kind == "comma":
            self.at += 1
        elif token.kind != "close" and "\n" not in self._text[before.end : token.start]:
            raise ValueError(f"no comma before {token.text!r}")


def _string(quoted: str) -> str:
    inside = quoted[1:-1]
    if quoted[0] != '"':
        inside = _QUOTE.sub(_requoted, inside)
    return str(json.loads(f'"{inside}"', strict=False))


def _requoted(found: re.Match[str]) -> str:
    return {'"': '\\"', "\\'": "'"}.get(found[0], found[0])
