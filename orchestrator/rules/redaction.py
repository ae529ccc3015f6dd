"""Takes secrets out of text, by their values, also where somebody has encoded them. Pure.

A secret is found as it is and backwards; in Base64 of either alphabet, with anything before and behind it, as
`Bearer KEY` or `user:KEY` have; in hexadecimal digits of either case; and with some or all of its characters escaped as
JSON, URLs, HTML or Python do it, also more than once. Encodings of a secret are looked for where they have at least
eight characters: shorter ones would blank out plain words.
"""

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html.entities import codepoint2name
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from ..text import clean

#: What stands where a secret stood.
MARK = "[secret]"
#: The fewest characters of a key that is hidden wherever it stands, and of an encoding that is looked for.
LEAST = 8
#: JSON in JSON in JSON in JSON, and no further.
_DEPTH = 4
#: A character behind an escape, as JSON, Python, URLs and HTML have it.
_CODE = re.compile(r"\\+(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2}))")
_MARKED = (
    ("%", re.compile(r"%[2-7][0-9A-Fa-f]")),
    ("&", re.compile(r"&[#a-z]")),
    ("\\", re.compile(r"\\[ux/]")),
)


@dataclass(frozen=True, slots=True)
class Forms:
    """All ways in which some secrets may be written. Most texts have none, which is seen at once."""

    secrets: tuple[str, ...]
    literals: tuple[str, ...]

    def are_in(self, text: str) -> bool:
        """Whether a secret is in the text, or in what a text says that is JSON."""
        if self._stand_in(text):
            return True
        if not self.secrets or not _is_escaped(text):
            return False
        if any(mark in secret for secret in self.secrets for mark, _ in _MARKED):
            # Taking the escapes out would take them out of the secret as well, as of `0%00`.
            return bool(_pattern(self.secrets).search(text))
        return self._stand_in(_unescaped(text))

    def _stand_in(self, text: str) -> bool:
        return any(form in text for form in self.literals)

    def without(self, text: str, mark: str = MARK) -> str:
        """The text with a mark where a secret stood."""
        return _pattern(self.secrets).sub(lambda _: mark, text) if self.are_in(text) else text


def keys_in(environment: Mapping[str, str]) -> frozenset[str]:
    """The values of variables that are named as keys are, but for those so short that they would be plain words."""
    return frozenset(
        value.strip() for name, value in environment.items() if name.endswith("_API_KEY") and len(value) >= LEAST
    )


def forms_of(secrets: Iterable[str]) -> Forms:
    """What to look for, made once for the same secrets."""
    return _forms_of(frozenset(filter(None, secrets)))


@cache
def _forms_of(secrets: frozenset[str]) -> Forms:
    ordered = tuple(sorted(secrets, key=lambda secret: (-len(secret), secret)))
    return Forms(ordered, tuple(dict.fromkeys(form for secret in ordered for form in _literals(secret))))


def redacted(value: Any, forms: Forms) -> Any:
    """Plain JSON with every form replaced, in names too; what no store can keep is U+FFFD."""
    if isinstance(value, dict):
        return {redacted(name, forms): redacted(inner, forms) for name, inner in value.items()}
    if isinstance(value, list):
        return [redacted(inner, forms) for inner in value]
    return forms.without(clean(value)) if isinstance(value, str) else value


def _is_escaped(text: str) -> bool:
    """Whether a character may be escaped; each mark is looked for by itself, which is many times faster."""
    return any(mark in text and pattern.search(text) for mark, pattern in _MARKED)


def _unescaped(text: str) -> str:
    """The text without its escapes, however deep they are."""
    for _ in range(_DEPTH):
        text = html.unescape(unquote(_CODE.sub(lambda found: chr(int(found[1] or found[2], 16)), text)))
    return re.sub(r"\\+([\"/])", r"\1", text)


def _literals(secret: str) -> Iterator[str]:
    """The secret, and its encodings as most make them."""
    for form in (secret, secret[::-1]) if len(secret) >= LEAST else (secret,):
        yield from (form, json.dumps(form)[1:-1])
        for _ in range(_DEPTH):  # what needs no escape stays as it is, and is looked for once
            form = json.dumps(form, ensure_ascii=False)[1:-1]
            yield form
    yield from _encoded(secret)


def _encoded(secret: str) -> Iterator[str]:
    """The secret in other characters altogether."""
    data = secret.encode(errors="replace")
    found = [quote(secret, safe=""), quote_plus(secret)]
    for n, skipped in enumerate((0, 2, 3)):
        # After n other bytes: what of the encoding depends on the secret alone.
        form = b64encode(b"." * n + data).decode()[skipped : (n + len(data)) * 8 // 6]
        found += [form, form.replace("+", "-").replace("/", "_")]
    found += [data.hex(), data.hex().upper()] if len(secret) >= LEAST else []
    yield from (form for form in found if len(form) >= LEAST)


@cache
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str]:
    """Every form of every secret, the longest first."""
    literals = sorted({form for secret in secrets for form in _literals(secret)}, key=lambda form: (-len(form), form))
    escaped = ["".join(map(_character, secret)) for secret in secrets if len(secret) >= LEAST]
    encoded = [_in_transit(form) for form in literals if "/" in form or "+" in form]
    return re.compile("|".join([*escaped, *encoded, *map(re.escape, literals)]) or r"(?!)")


def _character(character: str) -> str:
    """One character, as it is or behind any number of escapes."""
    code, name = ord(character), codepoint2name.get(ord(character), "")
    ways = [
        rf"\\+u{_digits(f'{code:04x}')}",
        "".join(rf"%(?:25)*{_digits(f'{byte:02x}')}" for byte in character.encode(errors="replace")),
        rf"\\+x{_digits(f'{code:02x}')}",
        rf"&(?:amp;)*#(?:0*{code}|[xX]0*{_digits(f'{code:x}')});?",
        *([rf"&(?:amp;)*{name};"] if name else []),
        *([rf"\\+{re.escape(character)}"] if character in '"/\\' else []),
        re.escape(character),
    ]
    return f"(?:{'|'.join(ways)})"


def _in_transit(form: str) -> str:
    """Base64 whose own marks are escaped."""
    return "".join(_character(mark) if mark in "+/" else re.escape(mark) for mark in form)


def _digits(digits: str) -> str:
    """Hexadecimal digits in either case."""
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)
